"""Files in COCO's format with joints of their own, as programs for annotation write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

from data.custom import COCOFileDataset
from hourglass.errors import InputError
from hourglass.image import write_image
from hourglass.joint_table import read_joint_set
from hourglass.joints import COCO, MPII
from tests.child import ROOT
from tests.refusal import refusal

import numpy as np
import pytest

Content = dict[str, Any]
Write = Callable[..., Path]


def _numbers(path: Path, images: Path | None = None) -> list[int]:
    """Return the numbers of the pictures that people have."""
    dataset = COCOFileDataset(path, 'all', images=images)
    return [int(image.mean()) // 10 for image, _ in (dataset[i] for i in range(len(dataset)))]


def _name_images(content: Content, pattern: str) -> None:
    for i, image in enumerate(content['images'], 1):
        image['file_name'] = pattern.format(i)


def test_people_and_joints(write_coco: Write, content: Content) -> None:
    dataset = COCOFileDataset(write_coco(content), 'all')
    assert dataset.joint_set.joints == ('nose', 'left eye', 'right eye', 'left shoulder', 'right shoulder')
    assert [limb[:2] for limb in dataset.joint_set.limbs] == [
        ('nose', 'left eye'), ('nose', 'right eye'), ('left shoulder', 'right shoulder')]
    assert (len(dataset), dataset.reference, dataset.threshold) == (5, 'box', 0.1)
    image, person = dataset[2]
    assert (image == 30).all()
    assert person.points.tolist() == [[20, 40], [25, 47], [25, 33], [35, 61], [36, 26]]
    assert person.labelled.all()
    assert person.visible.tolist() == [True, True, False, True, True]
    assert tuple(person.location) == (30, 45, 40, 50)  # middle, height and width
    assert dataset.areas.tolist() == [900.0] * 5


def test_what_is_left_out(write_coco: Write, content: Content) -> None:
    rows = content['annotations']
    rows[0]['iscrowd'] = 1
    rows[1]['keypoints'] = [0, 0, 0] * 5
    del rows[2]['keypoints']
    rows[3]['category_id'] = 4
    content['categories'].append({'id': 4, 'name': 'dog'})
    assert _numbers(write_coco(content)) == [5]


def test_cocos_own_joints_are_the_included_set(write_coco: Write, content: Content) -> None:
    content['categories'][0].update(keypoints=[joint.replace(' ', '_') for joint in COCO.joints], skeleton=[])
    for row in content['annotations']:
        row['keypoints'] = [10, 20, 2] * 17
    dataset = COCOFileDataset(write_coco(content), 'all', MPII)
    assert COCOFileDataset.joints_of(write_coco(content)) is COCO
    assert dataset.reference == 'torso'
    assert dataset.people[0].labelled[MPII.index('left hip')]


# Names and folders of images.

#: By the tool: the file, the folder of the images, their names, and what else the tool writes.
EXPORTS: dict[str, tuple[str, str, str, Callable[[Content], object]]] = {
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
def test_exports(write_coco: Write, content: Content, tool: str, command: Callable[..., Any]) -> None:
    file, folder, pattern, change = EXPORTS[tool]
    _name_images(content, pattern)
    change(content)
    path = write_coco(content, file, folder)
    assert _numbers(path) == [1, 2, 3, 4, 5]
    assert command('data', 'check', 'coco-json', '--root', path).returncode == 0
    documentation = (ROOT / 'docs' / 'data.md').read_text(encoding='utf-8')
    assert f'| {tool.partition(",")[0]} |' in documentation


def test_a_file_for_each_split(write_coco: Write, content: Content, tmp_path: Path) -> None:
    rows = content['annotations']
    write_coco({**content, 'annotations': rows[:3]}, 'train/_annotations.coco.json', 'train')
    write_coco({**content, 'annotations': rows[3:]}, 'valid/_annotations.coco.json', 'valid')
    root = tmp_path / '{split}' / '_annotations.coco.json'
    assert [len(COCOFileDataset(root, split)) for split in ('train', 'val', 'valid', 'all')] == [3, 2, 2, 5]


@pytest.mark.parametrize('pattern', [
    'C:\\data\\images\\{}.png', '../images/{}.png', '/home/user/images/{}.png', 'https://example.invalid/images/{}.png'])
@pytest.mark.parametrize('is_named', [False, True])
def test_names(write_coco: Write, content: Content, pattern: str, is_named: bool, tmp_path: Path) -> None:
    """Back slashes, absolute names and folders of the tool's own: the last parts are looked for."""
    _name_images(content, pattern)
    folder = 'elsewhere' if is_named else 'images'
    path = write_coco(content, 'annotations/people.json', folder)
    assert _numbers(path, tmp_path / folder if is_named else None) == [1, 2, 3, 4, 5]


def test_absolute_names_that_are_there(write_coco: Write, content: Content, tmp_path: Path) -> None:
    _name_images(content, f'{tmp_path}/elsewhere/{{}}.png')
    path = write_coco(content, 'annotations/people.json', 'elsewhere')
    assert _numbers(path) == _numbers(path, Path('/')) == [1, 2, 3, 4, 5]
    for i in range(1, 6):
        write_image(tmp_path / 'here' / f'{i}.png', np.full((3, 64, 96), 50 + 10 * i))
    assert _numbers(path, tmp_path / 'here') == [6, 7, 8, 9, 10], '--images comes first'
    for image in content['images']:
        image['file_name'] = str(PureWindowsPath(image['file_name']))
    assert _numbers(write_coco(content, 'annotations/people.json', None)) == [1, 2, 3, 4, 5]


def test_missing_images_are_counted_and_two_never_become_one(write_coco: Write, content: Content) -> None:
    with pytest.raises(InputError, match=r'no such image .*1\.png \(5 of 5 images are missing; --images names'):
        COCOFileDataset(write_coco(content, folder=None), 'all')
    _name_images(content, 'camera{}/1.png')
    with pytest.raises(InputError, match='5 of 5 images are missing'):
        COCOFileDataset(write_coco(content, folder='images'), 'all')


# What may be missing, null or of no use.

@pytest.mark.parametrize(('key', 'value'), [
    *((key, value) for key in ('area', 'bbox', 'iscrowd') for value in (None, 'gone')), ('bbox', []),
    ('bbox', [5, 5, 0, 0]),
])
@pytest.mark.parametrize('which', ['one', 'all'])
def test_fields_that_may_be_null_or_missing(
    write_coco: Write, content: Content, key: str, value: Any, which: str,
) -> None:
    """The person's box is then that of the joints, and the area that of the box."""
    for row in content['annotations'][slice(1, 2) if which == 'one' else slice(None)]:
        row[key] = value
        if value == 'gone':
            del row[key]
    dataset = COCOFileDataset(write_coco(content), 'all')
    assert len(dataset) == 5
    box, around = (30, 45, 40, 50), (28, 43.5, 16, 35)  # middle, height and width
    assert tuple(dataset.people[1].location) == pytest.approx(around if key == 'bbox' else box)
    assert dataset.areas[1] == pytest.approx(50 * 40 if key == 'area' else 900)
    assert tuple(dataset.people[0].location) == pytest.approx(around if (key, which) == ('bbox', 'all') else box)


def test_sizes_of_images_may_be_missing(write_coco: Write, content: Content) -> None:
    for image, size in zip(content['images'], ((None, None), (0, 0), ('96', '64'), (96, None)), strict=False):
        image['width'], image['height'] = size
    assert COCOFileDataset(write_coco(content), 'all').sizes == {'5.png': (96, 64)}


@pytest.mark.parametrize('skeleton', [[[0, 1], [1, 2]], [1, 2], 'all'])
def test_a_skeleton_that_cannot_be_understood_is_passed_over(
    write_coco: Write, content: Content, skeleton: Any, capsys: pytest.CaptureFixture[str],
) -> None:
    content['categories'][0]['skeleton'] = skeleton
    joint_set = COCOFileDataset.joints_of(write_coco(content))
    del content['categories'][0]['skeleton']
    assert COCOFileDataset.joints_of(write_coco(content)) == joint_set
    reports = capsys.readouterr().err.splitlines()
    assert len(reports) == (skeleton != 'all')
    assert all('categories[0]: the skeleton is not used' in line for line in reports)


def test_categories_with_the_same_joints_count_together(write_coco: Write, content: Content) -> None:
    category = content['categories'][0]
    content['categories'] = [{**category, 'id': 4, 'name': 'rider'}, {'id': 2, 'name': 'car'},
                             {**category, 'id': 0, 'name': 'Person'},
                             {'id': 3, 'name': 'dog', 'keypoints': ['nose', 'tail'], 'skeleton': []}]
    for row, number in zip(content['annotations'], (4, 0, 0, 3, 2), strict=True):
        row['category_id'] = number
    assert _numbers(write_coco(content)) == [1, 2, 3]
    content['categories'] = [{**category, 'id': 0, 'name': 'rider'}, {**category, 'id': 4, 'name': 'walker'}]
    assert _numbers(write_coco({**content, 'annotations': content['annotations'][:3]})) == [1, 2, 3]


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_ids_as_texts_and_a_byte_order_mark(write_coco: Write, content: Content, encoding: str) -> None:
    for row in content['annotations']:
        row.update(image_id=str(row['image_id']), category_id=1.0)
    assert _numbers(write_coco(content, encoding=encoding)) == [1, 2, 3, 4, 5]
    table = {'name': 'upper', 'joints': content['categories'][0]['keypoints']}
    assert len(read_joint_set(write_coco(table, 'joints.json', None, encoding))) == 5


def _two(content: Content) -> None:
    content['categories'].append({'id': 9, 'name': 'cat', 'keypoints': ['tail']})
    content['categories'][0]['name'] = 'dog'


def _second(**fields: Any) -> Callable[[Content], None]:
    return lambda content: content['annotations'][1].update(fields)


@pytest.mark.parametrize(('change', 'message'), [
    (lambda c: c.update(categories=5), 'no list of categories'),
    (lambda c: c.update(categories=[{'id': 1}]), 'no entry with keypoints'),
    (_two, 'more than one entry with keypoints'),
    (lambda c: c['categories'][0].update(keypoints=['a;', 'b', 'c', 'd', 'e']), "'joints': 'a;' is not a name"),
    (_second(keypoints=[1e7, 2, 2] * 5), 'annotations[1] has a keypoint that is not'),
    (lambda c: c.update(annotations=[]), 'no person with keypoints'),
])
def test_a_wrong_file_is_one_line_with_its_place(
    write_coco: Write, content: Content, change: Callable[[Content], None], message: str,
) -> None:
    change(content)
    assert message in refusal(lambda path: COCOFileDataset(path, 'all'), write_coco(content))
