from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.coco import COCODataset
from hourglass.crop import Extent, whole_person
from hourglass.errors import InputError
from hourglass.joints import COCO, MPII
from tests.data.coco_files import make_content, write_file

import numpy as np
import pytest


def test_crowds_and_people_without_a_joint_are_left_out(root: Path) -> None:
    dataset = COCODataset(root, 'train2017')
    assert dataset.name == 'COCO train2017'
    assert dataset.records.image_ids.tolist() == [7, 9]
    assert dataset.records.areas.tolist() == [1500.5, 1500.5]
    assert dataset.records.scores.tolist() == [1, 1]
    assert [entry.image for entry in dataset.people] == ['a.jpg', 'b.jpg']


def test_occluded_joints_are_labelled(root: Path) -> None:
    person = COCODataset(root, 'train2017').people[0]
    assert {COCO.joints[i] for i in np.flatnonzero(person.labelled)} == {
        'left shoulder', 'right shoulder', 'left hip', 'right hip', 'nose'}
    assert {COCO.joints[i] for i in np.flatnonzero(person.visible)} == {'left shoulder', 'right shoulder', 'left hip'}
    np.testing.assert_array_equal(person.points[COCO.index('left hip')], [60.5, 38])
    assert (person.points[~person.labelled] == 0).all()


def test_people_are_located_by_their_boxes(root: Path) -> None:
    first, second = COCODataset(root, 'train2017').people
    np.testing.assert_allclose(whole_person(first.location), [50, 30.5, 75])
    np.testing.assert_allclose(whole_person(second.location), [15, 45, 112.5])
    assert isinstance(first.location, Extent)


def test_reference_lengths(root: Path) -> None:
    torso = [entry.reference_length for entry in COCODataset(root, 'train2017', reference='torso').people]
    np.testing.assert_allclose(torso, [np.hypot(18, 32), np.nan])
    box = [entry.reference_length for entry in COCODataset(root, 'train2017', reference='box').people]
    np.testing.assert_allclose(box, [60, 90])


def test_images_may_lie_in_the_root_itself(root: Path) -> None:
    (root / 'images' / 'val2017').rename(root / 'val2017')
    assert COCODataset(root, 'val2017').image_folder == root / 'val2017'
    image, person = COCODataset(root, 'val2017')[1]
    assert (image.shape, image.dtype, person.image) == ((3, 90, 120), np.float32, 'b.jpg')


def test_files_named_one_by_one(root: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / 'mine.json', make_content())
    dataset = COCODataset(annotations=path, images=root / 'images' / 'val2017')
    assert dataset.name == 'COCO mine'
    assert dataset[0][0].shape == (3, 90, 120)


def test_joints_of_mpii_are_taken_by_name_or_derived(root: Path) -> None:
    dataset = COCODataset(root, 'train2017', joint_set=MPII)
    # The second person has only joints of the face, none of which MPII has.
    assert dataset.records.image_ids.tolist() == [7]
    person = dataset.people[0]
    assert {MPII.joints[i] for i in np.flatnonzero(person.labelled)} == {
        'left shoulder', 'right shoulder', 'left hip', 'right hip', 'thorax', 'pelvis'}
    np.testing.assert_array_equal(person.points[MPII.index('thorax')], [30, 30])
    np.testing.assert_array_equal(person.points[MPII.index('pelvis')], [61.25, 30])
    # One of the hips is occluded.
    assert not person.visible[MPII.index('pelvis')]
    assert person.reference_length == pytest.approx(np.hypot(18, 32))


def test_no_annotations_and_a_split_that_is_a_path(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'person_keypoints_train2017\.json: no such file; .*data check coco'):
        COCODataset(tmp_path)
    with pytest.raises(InputError, match='COCO has no split'):
        COCODataset(root, '../secret')


def test_real_annotations_and_detections(shared: Callable[[str], Path]) -> None:
    folder = shared('coco')
    dataset = COCODataset(annotations=folder / 'test_coco.json', images=folder)
    assert len(dataset) == 12
    for i in range(len(dataset)):
        image, person = dataset[i]
        inside = person.points[person.labelled]
        assert (inside >= 0).all()
        assert (inside < image.shape[1:]).all()
        # Joints may lie a little outside of the box, but not outside of the crop.
        y, x, side = whole_person(person.location)
        assert (abs(inside - (y, x)) <= side / 2).all()
    found = COCODataset(annotations=folder / 'test_coco.json', images=folder,
                        detections=folder / 'test_coco_det_AP_H_56.json')
    assert len(found) == 118
