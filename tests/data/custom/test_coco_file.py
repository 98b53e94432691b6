from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.custom import COCOFileDataset, CSVDataset
from hourglass.crop import Extent
from hourglass.errors import InputError
from hourglass.joints import COCO, MPII

import numpy as np
import pytest

Write = Callable[..., Path]
Content = dict[str, Any]


def test_the_file_gives_the_people_that_were_written(write_coco: Write, coco: Content, table: Path) -> None:
    dataset, same = COCOFileDataset(write_coco(coco), 'all'), CSVDataset(table, 'all')
    assert dataset.joint_set.joints == same.joint_set.joints
    assert dataset.joint_set.limbs == (
        ('crown', 'l wrist', 'left'), ('crown', 'r wrist', 'right'), ('l wrist', 'left ankle', 'left'),
        ('r wrist', 'right ankle', 'right'))
    assert len(dataset) == 10
    for i in range(10):
        (image, person), (other_image, other) = dataset[i], same[i]
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(person.labelled, other.labelled)
        np.testing.assert_array_equal(person.visible, other.visible)
        np.testing.assert_allclose(person.points[person.labelled], other.points[person.labelled], atol=1e-4)
    box = coco['annotations'][0]['bbox']
    person = dataset.people[0]
    np.testing.assert_allclose(person.location, [box[1] + box[3] / 2, box[0] + box[2] / 2, box[3], box[2]])
    assert dataset.areas.tolist() == [500.0] * 10
    assert (dataset.reference, dataset.threshold) == ('box', 0.1)


def test_what_is_left_out(write_coco: Write, coco: Content) -> None:
    rows = coco['annotations']
    rows[0]['iscrowd'] = 1
    rows[1]['keypoints'] = [0, 0, 0] * 5
    del rows[2]['keypoints']
    rows[3]['category_id'] = 4
    coco['categories'].append({'id': 4, 'name': 'dog'})
    del rows[4]['iscrowd']
    assert {person.image for person in COCOFileDataset(write_coco(coco), 'all').people} == {
        f'{i}.png' for i in range(4, 10)}


def test_boxes_and_areas_may_be_missing(write_coco: Write, coco: Content, table: Path) -> None:
    for row in coco['annotations']:
        del row['bbox'], row['area']
    dataset, same = COCOFileDataset(write_coco(coco), 'all'), CSVDataset(table, 'all')
    np.testing.assert_allclose(dataset.areas, same.areas, rtol=1e-4)
    for person, other in zip(dataset.people, same.people, strict=True):
        np.testing.assert_allclose(person.location, other.location, atol=1e-4)
    coco['annotations'][0]['bbox'] = [5, 5, 0, 0]
    for row in coco['annotations'][1:]:
        row['bbox'] = [1, 1, 20, 30]
    first, *others = (person.location for person in COCOFileDataset(write_coco(coco), 'all').people)
    np.testing.assert_allclose(first, same.people[0].location, atol=1e-4)
    assert set(others) == {Extent(16, 11, 30, 20)}


def test_a_file_for_each_split(write_coco: Write, coco: Content) -> None:
    rows = coco['annotations']
    write_coco({**coco, 'annotations': rows[:7]}, 'train_cats.json')
    root = write_coco({**coco, 'annotations': rows[7:]}, 'val_cats.json').with_name('{split}_cats.json')
    assert [len(COCOFileDataset(root, split)) for split in ('train', 'val', 'all')] == [7, 3, 10]


def test_images_are_looked_for_beside_the_file(write_coco: Write, coco: Content, pictures: Path) -> None:
    path = write_coco(coco)
    (path.parents[1] / 'images').unlink()
    with pytest.raises(InputError, match=r'\[0\]: no such image .*0\.png \(10 of 10 images are missing; --images nam'):
        COCOFileDataset(path, 'all')
    assert len(COCOFileDataset(path, 'all', images=pictures)) == 10
    (path.parent / 'people').symlink_to(pictures)
    assert COCOFileDataset(path, 'all')[0][0].shape == (3, 64, 64)


def test_cocos_own_joints_are_the_set_that_comes_along(write_coco: Write, coco: Content) -> None:
    coco['categories'][0].update(keypoints=[joint.replace(' ', '_') for joint in COCO.joints], skeleton=[])
    for row in coco['annotations']:
        row['keypoints'] = [10, 20, 2] * 17
    dataset = COCOFileDataset(write_coco(coco), 'all', MPII)
    assert COCOFileDataset.joints_of(write_coco(coco)) is COCO
    assert dataset.reference == 'torso'
    assert dataset.people[0].labelled[MPII.index('left hip')]


def _two(content: Content) -> None:
    content['categories'].append({'id': 9, 'name': 'cat', 'keypoints': ['tail']})
    content['categories'][0]['name'] = 'dog'


@pytest.mark.parametrize(('change', 'message'), [
    (lambda c: c.update(categories=5), 'no list of categories'),
    (lambda c: c.update(categories=[{'id': 1}]), 'no entry with keypoints'),
    (_two, 'more than one entry with keypoints'),
    (lambda c: c['categories'][0].update(keypoints=['a', 'a', 'b', 'c', 'd']), "two joints are called 'a'"),
    (lambda c: c['categories'][0].update(keypoints=['a;', 'b', 'c', 'd', 'e']), r'categories\[0\]: joints\[0\] is'),
    (lambda c: c['categories'][0].update(keypoints=['a', 'b'], skeleton=[]),
     r"annotations\[0\] has 15 of 6 numbers under 'keypoints'"),
    (lambda c: c['annotations'][7].update(keypoints=[1, 2, 3] * 5), r'annotations\[7\] has a keypoint whose vis'),
    (lambda c: c['annotations'][7].update(keypoints=[1e7, 2, 2] * 5), r'annotations\[7\] has a keypoint that is not'),
    (lambda c: c['annotations'][7].update(image_id=5), 'unknown image'),
    (lambda c: c['annotations'][7].update(bbox=[1, 2, -3, 4]), r"annotations\[7\] has a 'bbox' with a negative"),
    (lambda c: c.update(annotations=[]), 'no person with keypoints'),
    (lambda c: c.clear(), 'no list of images'),
])
def test_a_wrong_file_is_one_line_with_its_place(
    write_coco: Write, coco: Content, change: Callable[[Content], None], message: str,
) -> None:
    change(coco)
    path = write_coco(coco)
    with pytest.raises(InputError, match=message) as caught:
        COCOFileDataset(path, 'all')
    assert str(caught.value).startswith(f'{path}: ')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'the file is empty'), ('{', 'damaged, or not JSON'), ('[]', 'not a file of COCO annotations'),
    ('[' * 100_000, 'nested too deeply'), (json.dumps({'images': [{'id': 1}]}), 'no .file_name'),
])
def test_files_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(InputError, match=message):
        COCOFileDataset(tmp_path / 'a.json')
    with pytest.raises(InputError, match='no such file'):
        COCOFileDataset(tmp_path / 'b.json')
