"""COCO person keypoints: annotations, people found by a detector, and the check of a download."""

from data.coco.annotations import Annotations, read_annotations
from data.coco.check import check
from data.coco.dataset import REFERENCES, COCODataset, Records
from data.coco.detections import Detections, read_detections

__all__ = ['REFERENCES', 'Annotations', 'COCODataset', 'Detections', 'Records', 'check', 'read_annotations',
           'read_detections']
