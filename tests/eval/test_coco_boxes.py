from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from data.coco import read_annotations
from data.coco.detections import Detections
from eval import EvalConfig, compare, evaluate
from eval.coco_boxes import BOX_STATS, detect_people, score_boxes
from eval.coco_score import boxes_to_coco
from hourglass.errors import InputError
from tests.eval.truth import ANNOTATIONS, by_pycocotools
from tests.stand_ins import FixedBoxes

import numpy as np
import pytest


@pytest.fixture
def detector(coco_root: Path, tmp_path: Path) -> str:
    """The name of a detector that finds the annotated people: a file of their boxes by the names of the images."""
    people = read_annotations(coco_root / ANNOTATIONS)
    (tmp_path / 'boxes.json').write_text(json.dumps([
        {'image_id': people.images[i], 'category_id': 1, 'bbox': box, 'score': .9}
        for i, box in zip(people.image_ids.tolist(), boxes_to_coco(people.boxes).tolist(), strict=True)]))
    return f'boxes:{tmp_path / "boxes.json"}'


def _evaluate(root: Path, detector: str, **options: str) -> dict:
    result = evaluate('bundled', dataset='coco', root=root, detector=detector, **options)
    return {**json.loads(json.dumps(result.to_dict(), allow_nan=False)), 'text': result.text()}


def test_boxes_and_poses_of_a_detector(coco_root: Path, tmp_path: Path, detector: str) -> None:
    result = _evaluate(coco_root, detector, json=str(tmp_path / 'scores.json'),
                       save_predictions=str(tmp_path / 'poses.json'))
    boxes = result['boxes']
    assert (boxes['detector'], boxes['people'], boxes['boxes'], boxes['threshold']) == (detector, 16, 17, .5)
    assert boxes['stats']['AP'] == pytest.approx(1)
    assert boxes['from_height']['96']['recall'] == boxes['from_height']['192']['precision'] == 1
    assert 'people from 192 pixels' in result['text']
    assert boxes['from_height']['96']['people'] > boxes['from_height']['192']['people'] > 0
    assert result['oks']['people'] == 15
    assert result['data'] == 'COCO val2017, detections of boxes.json'
    assert f'boxes of {detector}, 17 boxes for 16 people' in result['text']
    # The crowd is found as a box, too, and of equal poses one remains.
    assert 15 <= len(json.loads((tmp_path / 'poses.json').read_text())) <= 17
    (tmp_path / 'other.json').write_bytes((tmp_path / 'scores.json').read_bytes())
    assert compare([tmp_path / 'scores.json', tmp_path / 'other.json']).text()


def test_box_scores_are_those_of_pycocotools(coco_root: Path) -> None:
    people = read_annotations(coco_root / ANNOTATIONS)
    rng = np.random.default_rng(0)
    found = Detections(people.image_ids, people.boxes + rng.uniform(-9, 9, people.boxes.shape),
                       rng.uniform(0, 1, len(people)), 'test')
    boxes = np.concatenate([found.boxes[:, 1::-1], found.boxes[:, :1:-1] - found.boxes[:, 1::-1]], axis=1)
    evaluation = by_pycocotools([
        {'image_id': i, 'category_id': 1, 'bbox': box, 'score': score} for i, box, score in zip(
            found.image_ids.tolist(), boxes.tolist(), found.scores.tolist(), strict=True)],
        coco_root / ANNOTATIONS, 'bbox')
    score = score_boxes(found, people, .5)
    np.testing.assert_allclose([score.stats[name] for name in BOX_STATS], np.where(
        evaluation.stats < 0, np.nan, evaluation.stats), rtol=1e-12)


def test_recall_and_precision_are_by_height_and_from_the_threshold(coco_root: Path) -> None:
    people = read_annotations(coco_root / ANNOTATIONS)
    image_id = people.image_ids[0]
    one = replace(people, images={int(image_id): 'a.png'}, ids=people.ids[:3], image_ids=people.image_ids[[0, 0, 0]],
                  points=people.points[:3], visibility=people.visibility[:3], areas=people.areas[:3],
                  boxes=np.array([[0, 0, 100, 40], [0, 100, 200, 180], [0, 200, 90, 240.]]),
                  is_crowd=np.zeros(3, bool))
    found = Detections(np.full(4, image_id), np.array([[0, 0, 100, 40], [0, 101, 200, 180], [20, 240, 230, 300],
                                                       [0, 200, 90, 240.]]), np.array([.3, .6, .7, .8]), 'test')
    counts = score_boxes(found, one, .5).counts
    assert (counts[96].people, counts[96].found, counts[96].finds, counts[96].right) == (2, 1, 2, 1)
    assert (counts[192].recall, counts[192].precision) == (1, .5)
    assert score_boxes(found, one, .2).counts[96].recall == 1
    assert np.isnan(score_boxes(found, one, .9).counts[96].precision)


def test_a_detector_that_finds_no_person_scores_zero(coco_root: Path, tmp_path: Path) -> None:
    (tmp_path / 'boxes.json').write_text('[]')
    result = _evaluate(coco_root, f'boxes:{tmp_path / "boxes.json"}')
    assert result['boxes']['stats']['AP'] == result['oks']['stats']['AP'] == 0
    assert result['boxes']['from_height']['96']['precision'] is None
    assert 'precision - (0 of 0)' in result['text']


def test_without_annotated_people_the_poses_are_written_only(coco_root: Path, tmp_path: Path, detector: str) -> None:
    content = json.loads((coco_root / ANNOTATIONS).read_text())
    (tmp_path / 'info.json').write_text(json.dumps({'images': content['images']}))
    annotations = str(tmp_path / 'info.json')
    with pytest.raises(InputError, match='annotates no person'):
        _evaluate(coco_root, detector, annotations=annotations, images='not looked for')
    result = _evaluate(coco_root, detector, annotations=annotations, images=str(coco_root / 'images/val2017'),
                       save_predictions=str(tmp_path / 'poses.json'))
    assert result['oks'] is None
    assert 'boxes' not in result
    assert 'no scores' in result['text']
    assert json.loads((tmp_path / 'poses.json').read_text())


def test_a_missing_image_is_named_before_work(coco_root: Path) -> None:
    detector, folder = FixedBoxes(), coco_root / 'images' / 'val2017'
    (folder / '3.png').unlink()
    with pytest.raises(InputError, match=r'3\.png: no such file'):
        detect_people(detector, 'test', read_annotations(coco_root / ANNOTATIONS), folder)
    assert detector.n_calls == 0


def test_the_file_of_boxes_is_not_replaced(detector: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'boxes\.json: would replace'):
        EvalConfig(dataset='coco', detector=detector, json=str(tmp_path / 'boxes.json')).check_files()
