"""Overlap of boxes and non-maximum suppression, against ChainerCV's."""

from __future__ import annotations

from hourglass.boxes import box_iou, fuse_boxes, suppress_boxes

import numpy as np
import pytest
from chainercv.utils import bbox_iou, non_maximum_suppression


@pytest.mark.parametrize('threshold', [0.1, 0.45, 0.7, 1.0])
def test_the_same_boxes_stay_as_with_chainercv(threshold: float) -> None:
    rng = np.random.default_rng(80)
    corners = rng.uniform(0, 60, (80, 2))
    boxes, scores = np.concatenate([corners, corners + rng.uniform(5, 40, (80, 2))], axis=1), rng.random(80)
    boxes[3], scores[3] = boxes[5], scores[5] - 0.01  # a copy
    np.testing.assert_allclose(box_iou(boxes, boxes[:7]), bbox_iou(boxes, boxes[:7]), atol=1e-12)
    kept = suppress_boxes(boxes, threshold, scores)
    assert 3 not in kept
    np.testing.assert_array_equal(kept, non_maximum_suppression(boxes, threshold, scores))


def test_no_boxes_and_boxes_without_an_area() -> None:
    assert suppress_boxes(np.zeros((0, 4)), 0.5, np.zeros(0)).shape == (0,)
    assert (box_iou(np.zeros((2, 4)), np.zeros((3, 4))) == np.zeros((2, 3))).all()


def test_boxes_of_several_detections_are_merged() -> None:
    one = np.array([[0., 0, 10, 10], [50, 50, 60, 60]]), np.array([0.9, 0.5])
    two = np.array([[0., 0, 10, 12], [0, 0, 7, 10], [80, 80, 90, 90]]), np.array([0.3, 0.2, 0.8])
    boxes, scores = fuse_boxes([one, two], 0.5, lambda boxes: np.ones((len(boxes), 2)))
    # The second's most similar box counts, and no other that overlaps.
    np.testing.assert_allclose(boxes, [[0, 0, 10, 10.5], [80, 80, 90, 90], [50, 50, 60, 60]])
    np.testing.assert_allclose(scores, [0.6, 0.4, 0.25])
    boxes, scores = fuse_boxes([(np.zeros((0, 4)), np.zeros(0))] * 2, 0.5, lambda boxes: np.ones((len(boxes), 2)))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


def test_the_more_reliable_detection_counts_more() -> None:
    one = np.array([[0., 0, 10, 10], [50, 50, 60, 60]]), np.array([0.9, 0.5])
    two = np.array([[0., 0, 10, 13]]), np.array([0.3])
    # The second knows three times as much, of what is at the top.
    boxes, scores = fuse_boxes([one, two], 0.5, lambda boxes: np.stack(
        [np.ones(len(boxes)), np.where(boxes[:, 0] < 20, 3, 1)], axis=1))
    np.testing.assert_allclose(boxes, [[0, 0, 10, 11.5], [50, 50, 60, 60]])
    np.testing.assert_allclose(scores, [0.45, 0.25])
