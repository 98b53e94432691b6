"""Training and evaluation from the command line, on data that the project renders itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval import evaluate
from pretrained import load_model
from tests.child import ROOT, run_python

import h5py
import pytest

Run = Callable[..., Any]


def test_a_training_and_its_scores_that_are_calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_python(ROOT / 'train.py', '--dataset', 'synthetic', '--stacks', 1, '--width', 16, '--depth', 2,
                        '--input-size', 64, '--epoch', 2, '--batchsize', 8, '--samples', 24, '--snapshot-interval', 1,
                        cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    trained = tmp_path / 'result'
    assert {path.name for path in trained.iterdir()} == {
        'model.npz', 'best.npz', 'log', 'log.csv', 'plots.png', 'people.jpg', 'run.json', 'snapshot_epoch_1',
        'snapshot_epoch_2'}
    before = load_model(trained / 'model.npz')
    raw = evaluate(trained / 'model.npz', dataset='synthetic', samples=16, calibrate='c.npz', sheet='worst.png')
    assert 'c.npz: scores are 0.' in raw.text().splitlines()[-1]
    assert (tmp_path / 'worst.png').stat().st_size > 5000
    after = load_model(tmp_path / 'c.npz')
    assert after.spec == replace(before.spec, confidence=after.spec.confidence) != before.spec
    result = run_python(ROOT / 'eval.py', '--dataset', 'synthetic', '--samples', 16, '--model', 'c.npz',
                        '--reliability', 'r.png', '--json', 'b.json', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'Shoulder' in result.stdout
    assert (tmp_path / 'r.png').stat().st_size > 5000
    fitted = json.loads((tmp_path / 'b.json').read_text())
    assert (fitted['metric'], fitted['weights']) == ('PCK', 'c')
    assert raw.total == fitted['total']
    errors = [score['reliability']['expected_calibration_error'] for score in (raw.to_dict(), fitted)]
    assert errors[1] < max(errors[0], .05)
    # Once more: what is in the file does not count.
    evaluate('c.npz', dataset='synthetic', samples=16, calibrate='d.npz')
    assert load_model(tmp_path / 'd.npz').spec == after.spec


def test_a_folder_in_mpiis_layout_from_training_to_the_demo(
    shared: Callable[[str], Path], tmp_path: Path, command: Run, device: int,
) -> None:
    root = tmp_path / 'data' / 'MPII'
    for folder in ('annotations', 'annot'):
        (root / folder).mkdir(parents=True)
    (root / 'images').symlink_to(shared('mpii/images'))
    annotations = shared('mpii/annot/mpii_sample_v1_u12_1.mat').read_bytes()
    (root / 'annotations' / 'mpii_human_pose_v1_u12_1.mat').write_bytes(annotations)
    (root / 'annot' / 'valid_images.txt').write_text('078618267.jpg\n')
    small = ['--stacks', 1, '--width', 16, '--depth', 2, '--input-size', 64]
    photo = root / 'images' / '025508722.jpg'
    for script, *arguments in (
        ('train.py', '--dataset', 'mpii', '--epoch', 1, *small),
        ('train.py', '--dataset', 'mpii', '--epoch', 2, *small, '--resume'),
        ('eval.py', '--model', 'result/model.npz', '--save-predictions', 'predictions.h5'),
        ('eval.py', '--snapshot', 'result/model.npz', '--flip', '--protocol', 'all', '--plot', 'curve.png'),
        ('demo.py', '--model', 'result/model.npz', '--image', photo),
        ('demo_multi_person.py', '--model', 'result/model.npz', '--image', photo, '--detector', 'bundled'),
    ):
        result = command(script, *arguments, '--gpu', device)
        assert result.returncode == 0, result.stderr
        if '--flip' in arguments:
            assert '2 people, errors by the head size: result/model, flip' in result.stdout
    with h5py.File(tmp_path / 'predictions.h5') as file:
        assert file['preds'].shape == (1, 16, 2)
    assert {'curve.png', 'output.jpg', 'tiled.jpg'} <= {path.name for path in tmp_path.iterdir()}


def test_coco_from_training_to_a_file_of_results(shared: Callable[[str], Path], tmp_path: Path, command: Run) -> None:
    root = tmp_path / 'data' / 'COCO'
    (root / 'annotations').mkdir(parents=True)
    (root / 'images').mkdir()
    for split in ('train2017', 'val2017'):
        (root / 'images' / split).symlink_to(shared('coco'))
        (root / 'annotations' / f'person_keypoints_{split}.json').symlink_to(shared('coco/test_coco.json'))
    truth = str(shared('coco/test_coco.json'))
    for script, *arguments in (
        ('train.py', '--dataset', 'coco', '--epoch', 1, '--stacks', 1, '--width', 16, '--depth', 2,
         '--input-size', 64),
        ('eval.py', '--dataset', 'coco', '--model', 'result/model.npz', '--sheet', 'worst.png'),
        ('eval.py', '--dataset', 'coco', '--model', 'result/model.npz', '--save-predictions', 'results.json',
         '--detections', shared('coco/test_coco_det_AP_H_56.json')),
        ('eval.py', '--predictions', 'results.json', '--annotations', truth, '--images', shared('coco'),
         '--json', 'score.json'),
        ('eval.py', '--predictions', 'results.json', '--annotations', truth, '--images', shared('coco'),
         '--plot', 'b.png', '--compare', 'score.json'),
    ):
        result = command(script, *arguments)
        assert result.returncode == 0, result.stderr
    score = json.loads((tmp_path / 'score.json').read_text())
    assert score['oks']['people'] == 12
    pictures = {path.name for path in tmp_path.glob('*.png')}
    assert pictures == {'worst.png', 'b.png', 'b-oks.png', 'b-pck.png'}
