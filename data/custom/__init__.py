"""A user's own annotated people: a table (CSV), or a file in COCO's format with joints of its own."""

from data.custom.dataset import COCOFileDataset, CSVDataset

__all__ = ['COCOFileDataset', 'CSVDataset']
