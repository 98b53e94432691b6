from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.__main__ import main
from data.coco import COCODataset, check, read_annotations, read_detections
from data.coco import tables as tables_module
from data.image import write_image
from hourglass.errors import InputError
from hourglass.joints import COCO, LSP, MPII

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

IMAGES = [{'id': 7, 'file_name': 'a.jpg', 'height': 90, 'width': 120},
          {'id': 9, 'file_name': 'b.jpg', 'height': 90, 'width': 120}]
FACE = COCO.joints[:5]


def person(annotation_id: int, joints: dict[str, tuple[float, float, int]], **changed: Any) -> dict[str, Any]:
    """Make an annotation of joints given as x, y and visibility."""
    keypoints = [value for name in COCO.joints for value in joints.get(name, (0, 0, 0))]
    return {'id': annotation_id, 'image_id': 7, 'category_id': 1, 'iscrowd': 0, 'keypoints': keypoints,
            'num_keypoints': len(joints), 'bbox': [10.5, 20, 40, 60], 'area': 1500.5, **changed}


BODY = {'left shoulder': (40, 30, 2), 'right shoulder': (20, 30, 2), 'left hip': (38, 60.5, 2),
        'right hip': (22, 62, 1), 'nose': (30, 22, 1)}


def content() -> dict[str, Any]:
    return {
        'images': [dict(image) for image in IMAGES],
        'annotations': [
            person(100, BODY),
            person(101, BODY, iscrowd=1),
            person(102, {}),
            person(103, dict.fromkeys(FACE, (50, 40, 2)), image_id=9, bbox=[0, 0, 90, 30]),
            person(104, BODY, bbox=[30, 30, 0, 0]),
            person(105, BODY, category_id=3),
        ],
        'categories': [{'id': 1, 'name': 'person', 'keypoints': [name.replace(' ', '_') for name in COCO.joints]}],
    }


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / 'COCO'
    for split in ('train2017', 'val2017'):
        write_json(folder / 'annotations' / f'person_keypoints_{split}.json', content())
        for image in IMAGES:
            write_image(folder / 'images' / split / image['file_name'], np.full((3, 90, 120), 128, np.float32))
    return folder


DETECTIONS = [
    {'image_id': 9, 'category_id': 1, 'bbox': [10, 10, 40, 20], 'score': .9},
    {'image_id': 9, 'category_id': 1, 'bbox': [11, 10, 40, 20], 'score': .95},
    {'image_id': 7, 'category_id': 1, 'bbox': [10, 10, 40, 20], 'score': .5},
    {'image_id': 7, 'category_id': 1, 'bbox': [60, 10, 10, 20], 'score': .01},
    {'image_id': 7, 'category_id': 18, 'bbox': [60, 10, 10, 20], 'score': .99},
    {'image_id': 7, 'category_id': 1, 'bbox': [60, 10, 0, 0], 'score': .99},
]


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    return write_json(tmp_path / 'detections.json', DETECTIONS)


def test_crowds_and_people_without_a_joint_are_left_out(root: Path) -> None:
    dataset = COCODataset(root, 'train2017')
    assert dataset.name == 'COCO train2017'
    assert dataset.records.annotation_ids.tolist() == [100, 103]
    assert dataset.records.image_ids.tolist() == [7, 9]
    assert dataset.records.areas.tolist() == [1500.5, 1500.5]
    assert dataset.records.scores.tolist() == [1, 1]
    assert [entry.image for entry in dataset.people] == ['a.jpg', 'b.jpg']


def test_occluded_joints_are_labelled(root: Path) -> None:
    someone = COCODataset(root, 'train2017').people[0]
    assert {COCO.joints[i] for i in np.flatnonzero(someone.labelled)} == set(BODY)
    assert {COCO.joints[i] for i in np.flatnonzero(someone.visible)} == set(BODY) - {'right hip', 'nose'}
    np.testing.assert_array_equal(someone.points[COCO.index('left hip')], [60.5, 38])
    assert (someone.points[~someone.labelled] == 0).all()


def test_the_crop_is_a_square_about_the_box(root: Path) -> None:
    first, second = COCODataset(root, 'train2017').people
    np.testing.assert_allclose(first.center, [50, 30.5])
    assert first.side == pytest.approx(75)
    np.testing.assert_allclose(second.center, [15, 45])
    assert second.side == pytest.approx(112.5)


def test_reference_lengths(root: Path) -> None:
    torso = [entry.reference_length for entry in COCODataset(root, 'train2017', reference='torso').people]
    np.testing.assert_allclose(torso, [np.hypot(18, 32), np.nan])
    box = [entry.reference_length for entry in COCODataset(root, 'train2017', reference='box').people]
    np.testing.assert_allclose(box, [60, 90])
    with pytest.raises(InputError, match="no reference length 'head'; it has torso, box"):
        COCODataset(root, 'train2017', reference='head')


def test_an_example_is_an_image_and_a_person(root: Path) -> None:
    image, someone = COCODataset(root, 'val2017')[1]
    assert image.shape == (3, 90, 120)
    assert image.dtype == np.float32
    assert someone.image == 'b.jpg'


def test_images_may_lie_in_the_root_itself(root: Path) -> None:
    (root / 'images' / 'val2017').rename(root / 'val2017')
    assert COCODataset(root, 'val2017').image_folder == root / 'val2017'
    assert COCODataset(root, 'val2017')[0][0].shape == (3, 90, 120)


def test_files_named_one_by_one(root: Path, tmp_path: Path) -> None:
    path = write_json(tmp_path / 'mine.json', content())
    dataset = COCODataset(annotations=path, images=root / 'images' / 'val2017')
    assert dataset.name == 'COCO mine'
    assert dataset[0][0].shape == (3, 90, 120)


def test_joints_of_mpii_are_taken_by_name_or_derived(root: Path) -> None:
    dataset = COCODataset(root, 'train2017', joint_set=MPII)
    # The second person has only joints of the face, none of which MPII has.
    assert dataset.records.annotation_ids.tolist() == [100]
    someone = dataset.people[0]
    assert {MPII.joints[i] for i in np.flatnonzero(someone.labelled)} == {
        'left shoulder', 'right shoulder', 'left hip', 'right hip', 'thorax', 'pelvis'}
    np.testing.assert_array_equal(someone.points[MPII.index('thorax')], [30, 30])
    np.testing.assert_array_equal(someone.points[MPII.index('pelvis')], [61.25, 30])
    # One of the hips is occluded.
    assert not someone.visible[MPII.index('pelvis')]
    assert someone.reference_length == pytest.approx(np.hypot(18, 32))


def test_joints_of_lsp(root: Path) -> None:
    someone = COCODataset(root, 'train2017', joint_set=LSP).people[0]
    assert {LSP.joints[i] for i in np.flatnonzero(someone.labelled)} == {
        'left shoulder', 'right shoulder', 'left hip', 'right hip'}


def test_detections_take_the_place_of_annotated_people(root: Path, detections: Path) -> None:
    dataset = COCODataset(root, 'val2017', detections=detections)
    assert dataset.name == 'COCO val2017, detections of detections.json'
    assert dataset.records.scores.tolist() == [.9, .95, .5, .01]
    assert dataset.records.image_ids.tolist() == [9, 9, 7, 7]
    assert dataset.records.annotation_ids.tolist() == [-1] * 4
    assert dataset.records.areas.tolist() == [800, 800, 800, 200]
    first = dataset.people[0]
    assert first.image == 'b.jpg'
    assert not first.labelled.any()
    assert np.isnan(first.reference_length)
    np.testing.assert_allclose([*first.center, first.side], [20, 30, 50])


def test_weak_and_repeated_detections_can_be_left_out(root: Path, detections: Path) -> None:
    def scores(**options: Any) -> list[float]:
        return COCODataset(root, 'val2017', detections=detections, **options).records.scores.tolist()

    assert scores(min_score=.5) == [.9, .95, .5]
    # The same boxes in another image are no repetition.
    assert scores(nms_iou=.5) == [.95, .5, .01]
    assert scores(nms_iou=1.0) == [.9, .95, .5, .01]
    with pytest.raises(InputError, match='nobody who counts'):
        scores(min_score=.999)
    with pytest.raises(InputError, match='between 0 and 1, not 50'):
        scores(nms_iou=50)


def test_detections_need_only_the_names_of_images(root: Path, detections: Path, tmp_path: Path) -> None:
    info = write_json(tmp_path / 'image_info.json', {'images': IMAGES})
    assert len(COCODataset(root, 'val2017', annotations=info, detections=detections)) == 4
    with pytest.raises(InputError, match='has no list of annotations'):
        COCODataset(root, 'val2017', annotations=info)


def test_no_annotations_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'person_keypoints_train2017\.json: no such file; .*data check coco'):
        COCODataset(tmp_path)


@pytest.mark.parametrize('split', ['../secret', '', 'a/b'])
def test_a_split_is_no_path(root: Path, split: str) -> None:
    with pytest.raises(InputError, match='COCO has no split'):
        COCODataset(root, split)


def _changed(**fields: Any) -> dict[str, Any]:
    return {**content(), 'annotations': [person(1, BODY), person(2, BODY, **fields)]}


def _without(field: str) -> dict[str, Any]:
    value = _changed()
    del value['annotations'][1][field]
    return value


BAD_ANNOTATIONS = {
    'empty': ('', 'the file is empty'),
    'blank': (' \n', 'the file is empty'),
    'truncated': (json.dumps(content())[:-200], 'damaged, or not JSON'),
    'text': ('not json', 'damaged, or not JSON'),
    'nested': ('[' * 100_000, 'nested too deeply'),
    'list': ([], r'not a file of COCO annotations \(a JSON list\)'),
    'no images': ({'annotations': []}, 'has no list of images'),
    'images of another type': ({**content(), 'images': ['a.jpg']}, r'images\[0\] is not a JSON object'),
    'image without a name': ({**content(), 'images': [{'id': 7}]}, r"images\[0\] has no 'file_name'"),
    'image name of another type': ({**content(), 'images': [{'id': 7, 'file_name': 3}]}, "'file_name' '3', not a text"),
    'image outside': ({**content(), 'images': [{'id': 7, 'file_name': '../../x.jpg'}]}, 'leads out of the image fol'),
    'absolute image': ({**content(), 'images': [{'id': 7, 'file_name': '/etc/x.jpg'}]}, 'leads out of the image fol'),
    'repeated image': ({**content(), 'images': [IMAGES[0], IMAGES[0]]}, 'the id 7, which occurs more than once'),
    'image id of another type': ({**content(), 'images': [{'id': '7', 'file_name': 'a.jpg'}]}, 'not a whole number'),
    'no annotations': ({'images': IMAGES}, 'has no list of annotations'),
    'annotations of another type': ({**content(), 'annotations': {'a': 1}}, 'has no list of annotations'),
    'NaN': (json.dumps(_changed(area=float('nan'))), 'it holds NaN'),
    'infinity': (json.dumps(_changed(area=float('inf'))), 'it holds Infinity'),
    'overflow': (json.dumps(_changed(area=123.5)).replace('123.5', '1e999'), r"annotations\[1\] has 'area' 'inf'"),
    'unknown image': (_changed(image_id=8), 'annotations name 1 unknown image; the first is image_id 8'),
    'fractional image id': (_changed(image_id=7.5), r"annotations\[1\] has 'image_id' '7.5', not a whole number"),
    'huge image id': (_changed(image_id=10 ** 30), 'not a whole number'),
    'repeated annotation': (_changed(id=1), 'the id 1, which occurs more than once'),
    'negative width': (_changed(bbox=[1, 1, -5, 5]), r"annotations\[1\] has a 'bbox' with a negative width"),
    'negative height': (_changed(bbox=[1, 1, 5, -5]), "a 'bbox' with a negative width or height"),
    'short box': (_changed(bbox=[1, 1, 5]), r"annotations\[1\] has 'bbox' '\[1, 1, 5\]', not 4 finite numbers"),
    'box of texts': (_changed(bbox=['1', '2', '3', '4']), 'not 4 finite numbers'),
    'no box': (_without('bbox'), r"annotations\[1\] has no 'bbox'"),
    'no area': (_without('area'), "has no 'area'"),
    'negative area': (_changed(area=-1), 'has a negative area'),
    'text as area': (_changed(area='big'), "'area' 'big', not a finite number"),
    'short keypoints': (_changed(keypoints=[1, 2, 2]), 'not 51 finite numbers'),
    'keypoints of another type': (_changed(keypoints='none'), 'not 51 finite numbers'),
    'null keypoint': (_changed(keypoints=[None] * 51), 'not 51 finite numbers'),
    'visibility': (_changed(keypoints=[5] * 51), 'visibility is not 0, 1 or 2'),
    'instances': ({**content(), 'annotations': [{'id': 1, 'image_id': 7, 'category_id': 1, 'bbox': [0, 0, 1, 1],
                                                 'area': 1}]}, 'the file needed is person_keypoints'),
    'other joints': ({**content(), 'categories': [{'id': 1, 'keypoints': ['tail']}]},
                     '1 joint and not COCO.* --dataset coco-json'),
    'nobody': ({**content(), 'annotations': []}, 'nobody who counts'),
    'only crowds': ({**content(), 'annotations': [person(1, BODY, iscrowd=1)]}, 'nobody who counts'),
}


@pytest.mark.parametrize(('value', 'reason'), BAD_ANNOTATIONS.values(), ids=BAD_ANNOTATIONS)
def test_bad_annotations_are_named_with_the_reason(tmp_path: Path, value: Any, reason: str) -> None:
    path = write_json(tmp_path / 'bad.json', value)
    with pytest.raises(InputError, match=reason) as caught:
        COCODataset(annotations=path)
    assert str(caught.value).startswith(f'{path}: ')
    assert '\n' not in str(caught.value)


BAD_DETECTIONS = {
    'missing': (None, 'no such file'),
    'object': ({'image_id': 7}, r'not a list of detections \(a JSON dict\)'),
    'number': ([3], r'detections\[0\] is not a JSON object'),
    'no category': ([{}], r"detections\[0\] has no 'category_id'"),
    'unknown image': ([{**DETECTIONS[0], 'image_id': 1}], 'detections name 1 unknown image; the first is image_id 1'),
    'negative box': ([{**DETECTIONS[0], 'bbox': [0, 0, -1, 3]}], 'negative width or height'),
    'no score': ([DETECTIONS[0], {**DETECTIONS[0], 'score': None}], r"detections\[1\] has no 'score'"),
    'empty': ([], 'nobody who counts'),
}


@pytest.mark.parametrize(('value', 'reason'), BAD_DETECTIONS.values(), ids=BAD_DETECTIONS)
def test_bad_detections_are_named_with_the_reason(root: Path, tmp_path: Path, value: Any, reason: str) -> None:
    path = tmp_path / 'bad.json'
    if value is not None:
        write_json(path, value)
    with pytest.raises(InputError, match=reason) as caught:
        COCODataset(root, 'val2017', detections=path)
    assert str(caught.value).startswith(f'{path}: ')


def test_a_file_too_large_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_module, 'MAX_BYTES', 100)
    with pytest.raises(InputError, match='too large'):
        COCODataset(root, 'val2017')


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='cannot be read'):
        read_detections(tmp_path)


def test_annotations_also_list_who_does_not_count(root: Path) -> None:
    people = read_annotations(root / 'annotations' / 'person_keypoints_val2017.json')
    assert people.ids.tolist() == [100, 101, 102, 103, 104]
    assert people.is_crowd.tolist() == [False, True, False, False, False]
    assert people.labelled.sum(axis=1).tolist() == [5, 5, 0, 5, 5]
    assert people.boxes[0].tolist() == [20, 10.5, 80, 50.5]
    assert people.images == {7: 'a.jpg', 9: 'b.jpg'}


def test_a_complete_set(root: Path) -> None:
    report = check(root, read_images=True)
    assert report.problems == []
    assert [(part.split, part.images, part.used, part.people) for part in report.parts] == [
        ('train2017', 2, 2, 2), ('val2017', 2, 2, 2)]


def test_missing_and_damaged_images_are_named(root: Path) -> None:
    folder = root / 'images' / 'val2017'
    (folder / 'a.jpg').unlink()
    (folder / 'b.jpg').write_bytes(b'')
    (root / 'images' / 'train2017' / 'b.jpg').write_bytes(b'no picture')
    report = check(root)
    assert report.missing == (str(folder / 'a.jpg'),)
    assert report.damaged == (f'{folder / "b.jpg"}: the file is empty',)
    assert 'images/val2017/a.jpg' in str(report)
    assert report.problems == ['1 missing image', '1 damaged image']
    assert len(check(root, read_images=True).damaged) == 2


def _command(monkeypatch: pytest.MonkeyPatch, root: Path, *options: str) -> None:
    monkeypatch.setattr(sys, 'argv', ['data', 'check', 'coco', '--root', str(root), *options])
    main()


def test_the_command_reports_a_complete_set(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    _command(monkeypatch, root)
    assert 'COCO is complete.' in capsys.readouterr().out
    (root / 'annotations' / 'person_keypoints_train2017.json').unlink()
    _command(monkeypatch, root, '--split', 'val2017')
    assert 'COCO is complete.' in capsys.readouterr().out


def test_the_command_says_what_to_download(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    path = root / 'annotations' / 'person_keypoints_train2017.json'
    path.unlink()
    with pytest.raises(InputError, match='not complete: 1 missing annotation file'):
        _command(monkeypatch, root)
    printed = capsys.readouterr().out
    assert str(path) in printed
    for archive in ('annotations_trainval2017.zip', 'train2017.zip', 'val2017.zip'):
        assert archive in printed
    with pytest.raises(InputError, match='annotations are not there'):
        _command(monkeypatch, root / 'nowhere')


def test_the_command_ends_with_one_line(root: Path) -> None:
    path = root / 'annotations' / 'person_keypoints_train2017.json'
    path.write_text('{')
    result = subprocess.run([sys.executable, '-m', 'data', 'check', 'coco', '--root', root], cwd=ROOT, check=False,
                            capture_output=True, text=True)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert f'{path}: damaged, or not JSON' in result.stderr


def test_real_annotations_and_detections(shared: Callable[[str], Path]) -> None:
    folder = shared('coco')
    dataset = COCODataset(annotations=folder / 'test_coco.json', images=folder)
    assert len(dataset) == 12
    for i in range(len(dataset)):
        image, someone = dataset[i]
        inside = someone.points[someone.labelled]
        assert (inside >= 0).all()
        assert (inside < image.shape[1:]).all()
        # Joints may lie a little outside of the box, but not outside of the crop.
        assert (abs(inside - someone.center) <= someone.side / 2).all()
    found = COCODataset(annotations=folder / 'test_coco.json', images=folder,
                        detections=folder / 'test_coco_det_AP_H_56.json', min_score=.3, nms_iou=.6)
    assert len(found) == 20
