"""COCO person keypoints: annotations and people found by a detector."""

from data.coco.annotations import Annotations, read_annotations
from data.coco.dataset import REFERENCES, COCODataset, Records
from data.coco.detections import Detections, read_detections

__all__ = ['REFERENCES', 'Annotations', 'COCODataset', 'Detections', 'Records', 'read_annotations',
           'read_detections']
