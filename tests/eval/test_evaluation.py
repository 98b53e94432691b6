from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval import EvalConfig, evaluate
from hourglass.errors import InputError

import pytest


def test_a_result_in_python(small_weights: Path, tmp_path: Path) -> None:
    config = EvalConfig(model=str(small_weights), dataset='synthetic', samples=6)
    result = evaluate(config)
    assert 0 <= result.total <= 1
    assert result.to_dict() == evaluate(small_weights, dataset='synthetic', samples=6).to_dict()
    path = tmp_path / 'flip.json'
    assert evaluate(config, flip=True, json=path).total == json.loads(path.read_text())['total']
    with pytest.raises(TypeError, match='nothing'):
        evaluate(config, nothing=1)


@pytest.fixture
def coco(shared: Callable[[str], Path], small_weights: Path) -> dict[str, Any]:
    return {'model': small_weights, 'dataset': 'coco', 'annotations': shared('coco/test_coco.json'),
            'images': shared('coco')}


def test_a_missing_image_is_named_before_the_first_prediction(coco: dict[str, Any], tmp_path: Path) -> None:
    content = json.loads(coco['annotations'].read_text())
    names = [image['file_name'] for image in content['images']]
    for name in names[:-1]:
        (tmp_path / name).symlink_to(coco['images'] / name)
    with pytest.raises(InputError, match=rf'{names[-1]}: no such file \(1 of '):
        evaluate(**coco | {'images': tmp_path}, save_predictions=tmp_path / 'results.json')
    assert not (tmp_path / 'results.json').exists()


def test_annotated_people_have_pck_by_the_length_asked_for(coco: dict[str, Any], tmp_path: Path) -> None:
    by_torso, by_box = (evaluate(**coco, normalise=name).to_dict() for name in ('torso', 'box'))
    assert (by_torso['reference'], by_box['reference']) == ('torso', 'box')
    assert by_torso['oks'] == by_box['oks']
    assert len(by_torso['per_person']['oks']) == by_torso['people'] == 12
    detected = evaluate(**coco, detections=coco['images'] / 'test_coco_det_AP_H_56.json')
    assert 'per_person' not in detected.to_dict()
    with pytest.raises(InputError, match=r'a\.csv: a table of correct joints'):
        detected.save_csv(tmp_path / 'a.csv')
