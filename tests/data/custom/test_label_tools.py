"""COCO files as programs for annotation write them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

from data.__main__ import main
from data.custom import COCOFileDataset
from hourglass.errors import InputError
from hourglass.image import write_image
from hourglass.joint_table import read_joint_set

import numpy as np
import pytest

Content = dict[str, Any]
Change = Callable[[Content], object]
JOINTS = ['nose', 'left_eye', 'right_eye', 'left_shoulder', 'right_shoulder']
KEYPOINTS = [40, 20, 2, 47, 25, 2, 33, 25, 1, 61, 35, 2, 26, 36, 2]


@pytest.fixture
def content() -> Content:
    """Five pictures, 1.png to 5.png, with a person each."""
    return {
        'images': [{'id': i, 'file_name': f'{i}.png', 'width': 96, 'height': 64} for i in range(1, 6)],
        'annotations': [{'id': i, 'image_id': i, 'category_id': 1, 'iscrowd': 0, 'keypoints': KEYPOINTS,
                         'num_keypoints': 5, 'bbox': [20, 10, 50, 40], 'area': 900} for i in range(1, 6)],
        'categories': [{'id': 1, 'name': 'person', 'keypoints': JOINTS, 'skeleton': [[1, 2], [1, 3], [4, 5]]}],
    }


def _write(path: Path, content: Content, encoding: str = 'utf-8') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding=encoding)
    return path


def _pictures(folder: Path, numbers: range = range(1, 6)) -> Path:
    """Write pictures whose grey values are ten times their numbers."""
    for i in numbers:
        write_image(folder / f'{i}.png', np.full((3, 64, 96), 10 * i))
    return folder


def _numbers(path: Path, images: Path | None = None) -> list[int]:
    """Return the numbers of the pictures that people have."""
    dataset = COCOFileDataset(path, 'all', images=images)
    return [int(image.mean()) // 10 for image, _ in (dataset[i] for i in range(len(dataset)))]


def _check(monkeypatch: pytest.MonkeyPatch, path: Path, *options: str) -> None:
    monkeypatch.setattr(sys, 'argv', ['data', 'check', 'coco-json', '--root', str(path), *options])
    main()


# Names and folders of images.

#: By the tool: the file, the folder of the images, their names, and what else the tool writes.
EXPORTS: dict[str, tuple[str, str, str, Change]] = {
    'CVAT': ('annotations/person_keypoints_default.json', 'images/default', '{}.png', lambda c: [
        row.update(attributes={'occluded': False}, segmentation=[]) for row in c['annotations']]),
    'Label Studio': ('result.json', 'images', 'images\\{}.png', lambda c: [
        row.update(ignore=0, segmentation=[]) for row in c['annotations']]),
    'Label Studio, from its server': ('result.json', 'images', '/data/upload/7/{}.png', lambda c: None),
    'coco-annotator': ('people.json', 'images', '{}.png', lambda c: [
        row.update(area=0, bbox=[], isbbox=False, metadata={}) for row in c['annotations'][::2]]),
    'labelme': ('annotations.json', 'JPEGImages', 'JPEGImages/{}.png', lambda c: [
        c.update(info=None, licenses=[{'url': None}]), *(row.update(area=None) for row in c['annotations'])]),
    'Roboflow': ('train/_annotations.coco.json', 'train', '{}.png', lambda c: [
        c['categories'].insert(0, {'id': 0, 'name': 'people', 'supercategory': 'none'}),
        *(row.update(segmentation=[]) for row in c['annotations'])]),
    'FiftyOne': ('labels.json', 'data', '{}.png', lambda c: [row.pop('area') for row in c['annotations']]),
    'COCO': ('annotations/person_keypoints_val2017.json', 'val2017', '{}.png', lambda c: None),
    'mmpose': ('annotations/mmpose_train.json', 'train', '{}.png', lambda c: None),
}


@pytest.mark.parametrize('tool', EXPORTS)
def test_exports(tmp_path: Path, content: Content, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder, pattern, change = EXPORTS[tool]
    for i, image in enumerate(content['images'], 1):
        image['file_name'] = pattern.format(i)
    change(content)
    path = _write(tmp_path / file, content)
    _pictures(tmp_path / folder)
    assert _numbers(path) == [1, 2, 3, 4, 5]
    _check(monkeypatch, path)
    documentation = (Path(__file__).parents[3] / 'docs' / 'data.md').read_text(encoding='utf-8')
    assert f'| {tool.partition(",")[0]} |' in documentation


def test_the_folders_of_roboflow_for_the_splits(tmp_path: Path, content: Content) -> None:
    for split, numbers in (('train', range(1, 4)), ('valid', range(4, 6))):
        chosen = {**content, 'images': [row for row in content['images'] if row['id'] in numbers],
                  'annotations': [row for row in content['annotations'] if row['image_id'] in numbers]}
        _write(tmp_path / split / '_annotations.coco.json', chosen)
        _pictures(tmp_path / split, numbers)
    root = tmp_path / '{split}' / '_annotations.coco.json'
    assert [len(COCOFileDataset(root, split)) for split in ('train', 'val', 'valid', 'all')] == [3, 2, 2, 5]


@pytest.mark.parametrize(('file', 'folder'), [
    ('people.json', '.'), ('people.json', 'people'), ('annotations/people.json', 'images'),
    ('annotations/person_keypoints_val2017.json', 'images/val2017'), ('annotations/people.json', '.'),
])
def test_other_folders(tmp_path: Path, content: Content, file: str, folder: str) -> None:
    path = _write(tmp_path / file, content)
    _pictures(tmp_path / folder)
    assert _numbers(path) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize('pattern', [
    'images\\{}.png', 'C:\\data\\images\\{}.png', '..\\images\\{}.png', '../images/{}.png', './images/{}.png',
    '/home/someone/images/{}.png', '/data/upload/7/{}.png', 'upload/7/{}.png', 'https://example.invalid/images/{}.png',
])
@pytest.mark.parametrize('is_named', [False, True])
def test_names(tmp_path: Path, content: Content, pattern: str, is_named: bool) -> None:
    """Back slashes, absolute names and folders of the tool's own: the last parts are looked for."""
    for i, image in enumerate(content['images'], 1):
        image['file_name'] = pattern.format(i)
    folder = _pictures(tmp_path / ('elsewhere' if is_named else 'images'))
    path = _write(tmp_path / 'annotations' / 'people.json', content)
    assert _numbers(path, folder if is_named else None) == [1, 2, 3, 4, 5]


def test_absolute_names_that_are_there(tmp_path: Path, content: Content) -> None:
    folder = _pictures(tmp_path / 'elsewhere')
    for i, image in enumerate(content['images'], 1):
        image['file_name'] = str(folder / f'{i}.png')
    path = _write(tmp_path / 'annotations' / 'people.json', content)
    assert _numbers(path) == _numbers(path, Path('/')) == [1, 2, 3, 4, 5]
    for i in range(1, 6):
        write_image(tmp_path / 'here' / f'{i}.png', np.full((3, 64, 96), 50 + 10 * i))
    assert _numbers(path, tmp_path / 'here') == [6, 7, 8, 9, 10], '--images comes first'
    for image in content['images']:
        image['file_name'] = str(PureWindowsPath(image['file_name']))
    assert _numbers(_write(path, content)) == [1, 2, 3, 4, 5]


def test_two_pictures_never_become_one(tmp_path: Path, content: Content) -> None:
    for i, image in enumerate(content['images']):
        image['file_name'] = f'camera{i}/1.png'
    _pictures(tmp_path / 'images')
    with pytest.raises(InputError, match='5 of 5 images are missing'):
        COCOFileDataset(_write(tmp_path / 'people.json', content), 'all')


def test_missing_pictures_are_counted(
    tmp_path: Path, content: Content, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    path = _write(tmp_path / 'people.json', content)
    _pictures(tmp_path / 'images', range(2, 6))
    with pytest.raises(InputError, match=r'images/1\.png \(1 of 5 images are missing; --images names their folder'):
        COCOFileDataset(path, 'all')
    with pytest.raises(InputError, match=r'not usable: 1 missing image; --images names'):
        _check(monkeypatch, path)
    assert f'{tmp_path}/images/1.png (people.json, annotations[0])' in capsys.readouterr().out


# What may be missing, null or of no use.

@pytest.mark.parametrize('key', ['area', 'bbox', 'iscrowd', 'segmentation', 'num_keypoints'])
@pytest.mark.parametrize('value', [None, 'gone'])
@pytest.mark.parametrize('who', ['one', 'all'])
def test_fields_that_may_be_null_or_missing(
    tmp_path: Path, content: Content, key: str, value: Any, who: str,
) -> None:
    """The person's box is then that of the joints, and the area that of the box."""
    for row in content['annotations'][slice(1, 2) if who == 'one' else slice(None)]:
        row[key] = None
        if value == 'gone':
            del row[key]
    _pictures(tmp_path)
    dataset = COCOFileDataset(_write(tmp_path / 'people.json', content), 'all')
    assert len(dataset) == 5
    box, around = (30, 45, 40, 50), (28, 43.5, 16, 35)  # middle, height and width
    assert tuple(dataset.people[1].location) == pytest.approx(around if key == 'bbox' else box)
    assert dataset.areas[1] == pytest.approx(50 * 40 if key == 'area' else 900)
    assert tuple(dataset.people[0].location) == pytest.approx(around if (key, who) == ('bbox', 'all') else box)


def test_an_empty_box_is_that_of_the_joints(tmp_path: Path, content: Content) -> None:
    content['annotations'][1]['bbox'] = []
    _pictures(tmp_path)
    people = COCOFileDataset(_write(tmp_path / 'people.json', content), 'all').people
    assert [tuple(person.location) for person in people[:2]] == [(30, 45, 40, 50), (28, 43.5, 16, 35)]


@pytest.mark.parametrize('skeleton', [[[0, 1], [1, 2]], [[1, 9]], [['nose', 'left_eye']], [1, 2], 'all', None])
def test_a_skeleton_that_cannot_be_understood_is_passed_over(
    tmp_path: Path, content: Content, skeleton: Any, capsys: pytest.CaptureFixture[str],
) -> None:
    content['categories'][0]['skeleton'] = skeleton
    _pictures(tmp_path)
    path = _write(tmp_path / 'people.json', content)
    assert len(COCOFileDataset(path, 'all')) == 5
    del content['categories'][0]['skeleton']
    assert COCOFileDataset.joints_of(path) == COCOFileDataset.joints_of(_write(path, content))
    reports = capsys.readouterr().err.splitlines()
    assert len(reports) == (skeleton not in ('all', None))
    assert all('categories[0]: the skeleton is not used' in line for line in reports)


def test_categories_with_the_same_joints_count_together(tmp_path: Path, content: Content) -> None:
    category = content['categories'][0]
    content['categories'] = [{**category, 'id': 4, 'name': 'rider'}, {'id': 2, 'name': 'car'},
                             {**category, 'id': 0, 'name': 'Person'},
                             {'id': 3, 'name': 'dog', 'keypoints': ['nose', 'tail'], 'skeleton': []}]
    for row, number in zip(content['annotations'], (4, 0, 0, 3, 2), strict=True):
        row['category_id'] = number
    _pictures(tmp_path)
    path = _write(tmp_path / 'people.json', content)
    assert _numbers(path) == [1, 2, 3]
    content['categories'] = [{**category, 'id': 0, 'name': 'rider'}, {**category, 'id': 4, 'name': 'walker'}]
    assert _numbers(_write(path, {**content, 'annotations': content['annotations'][:3]})) == [1, 2, 3]


def test_ids_as_texts_and_as_fractions(tmp_path: Path, content: Content) -> None:
    for row in content['annotations']:
        row.update(image_id=str(row['image_id']), category_id=1.0)
    _pictures(tmp_path)
    assert _numbers(_write(tmp_path / 'people.json', content)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_a_byte_order_mark(tmp_path: Path, content: Content, encoding: str) -> None:
    _pictures(tmp_path)
    assert _numbers(_write(tmp_path / 'people.json', content, encoding)) == [1, 2, 3, 4, 5]
    joints = _write(tmp_path / 'joints.json', {'name': 'upper', 'joints': JOINTS}, encoding)
    assert len(read_joint_set(joints)) == 5


@pytest.mark.parametrize(('change', 'message'), [
    ({'keypoints': KEYPOINTS[:12]}, r"annotations\[1\] has 12 of 15 numbers under 'keypoints' \(id 2\)"),
    ({'keypoints': [float('nan'), *KEYPOINTS[1:]]}, r'annotations\[1\]\.keypoints\[0\] is NaN, not a number'),
    ({'score': float('inf')}, r'annotations\[1\]\.score is Infinity, not a number'),
    ({'image_id': 1.5}, r"annotations\[1\] has 'image_id' '1\.5', not a whole number"),
])
def test_wrong_numbers_are_named_with_their_place(
    tmp_path: Path, content: Content, change: Content, message: str,
) -> None:
    content['annotations'][1].update(change)
    with pytest.raises(InputError, match=message):
        COCOFileDataset(_write(tmp_path / 'people.json', content), 'all')
