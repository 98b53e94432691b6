"""Training and evaluation from the command line, on data that the project renders itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pretrained import load_model

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
TINY = ['--dataset', 'synthetic', '--stacks', '1', '--width', '16', '--depth', '2', '--input-size', '64']


def _run(script: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, ROOT / script, *map(str, arguments)], cwd=cwd, check=False,
                          capture_output=True, text=True)


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of a short training."""
    folder = tmp_path_factory.mktemp('trained')
    result = _run('train.py', *TINY, '--epoch', 2, '--batchsize', 8, '--samples', 48, '--snapshot-interval', 1,
                  cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / 'result'


def test_training_writes_weights_log_and_snapshots(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        'model.npz', 'best.npz', 'log', 'log.csv', 'plots.png', 'people.jpg', 'run.json', 'snapshot_epoch_1',
        'snapshot_epoch_2'}
    log = json.loads((trained / 'log').read_text())
    assert [entry['epoch'] for entry in log] == [1, 2]
    for entry in log:
        assert np.isfinite(entry['main/loss'])
        assert 0 <= entry['validation/main/pck'] <= entry['validation/main/best'] <= 1
        assert entry['lr'] > 0


def test_a_snapshot_is_as_good_as_the_model(trained: Path) -> None:
    model, snapshot = load_model(trained / 'model.npz'), load_model(trained / 'snapshot_epoch_2')
    assert model.spec == snapshot.spec
    assert model.spec.width == 16
    for (name, a), (_, b) in zip(model.network.namedparams(), snapshot.network.namedparams(), strict=True):
        np.testing.assert_array_equal(a.array, b.array, err_msg=name)


def test_the_trained_model_can_be_evaluated(trained: Path, tmp_path: Path) -> None:
    result = _run('eval.py', '--dataset', 'synthetic', '--samples', 24, '--model', trained / 'model.npz', '--json',
                  'score.json', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'Shoulder' in result.stdout
    score = json.loads((tmp_path / 'score.json').read_text())
    assert score['metric'] == 'PCK'
    assert 0 <= score['total'] <= 1


def test_scores_can_be_calibrated(trained: Path, tmp_path: Path) -> None:
    arguments = ('eval.py', '--dataset', 'synthetic', '--samples', 40)
    result = _run(*arguments, '--model', trained / 'model.npz', '--calibrate', 'c.npz', '--json', 'a.json',
                  cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith('c.npz: scores are 0.')
    before, after = load_model(trained / 'model.npz'), load_model(tmp_path / 'c.npz')
    assert after.spec == replace(before.spec, confidence=after.spec.confidence) != before.spec
    result = _run(*arguments, '--model', 'c.npz', '--reliability', 'r.png', '--json', 'b.json', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / 'r.png').stat().st_size > 5000
    raw, fitted = (json.loads((tmp_path / name).read_text()) for name in ('a.json', 'b.json'))
    assert raw['total'] == fitted['total']
    errors = [score['reliability']['expected_calibration_error'] for score in (raw, fitted)]
    assert errors[1] < max(errors[0], .05)
    # Once more, what is in the file does not count.
    result = _run(*arguments, '--model', 'c.npz', '--calibrate', 'd.npz', cwd=tmp_path)
    assert load_model(tmp_path / 'd.npz').spec == after.spec


def test_the_seed_and_not_the_number_of_loaders_decides(tmp_path: Path) -> None:
    results = []
    for name, extra in (('a', []), ('b', ['--loaders', 2]), ('c', ['--seed', 1])):
        result = _run('train.py', *TINY, '--epoch', 1, '--batchsize', 8, '--samples', 16, '--out', name, *extra,
                      cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        results.append(load_model(tmp_path / name / 'model.npz').network)
    a, b, c = (np.concatenate([p.array.ravel() for p in network.params()]) for network in results)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_folder_in_mpiis_layout_from_training_to_the_demo(
    shared: Callable[[str], Path], tmp_path: Path,
) -> None:
    root = tmp_path / 'data' / 'MPII'
    for folder in ('annotations', 'annot'):
        (root / folder).mkdir(parents=True)
    (root / 'images').symlink_to(shared('mpii/images'))
    annotations = shared('mpii/annot/mpii_sample_v1_u12_1.mat').read_bytes()
    (root / 'annotations' / 'mpii_human_pose_v1_u12_1.mat').write_bytes(annotations)
    (root / 'annot' / 'valid_images.txt').write_text('078618267.jpg\n')
    small = ['--stacks', 1, '--width', 16, '--depth', 2, '--input-size', 64]
    for script, *arguments in (
        ('train.py', '--dataset', 'mpii', '--epoch', 1, *small),
        ('eval.py', '--model', 'result/model.npz', '--save-predictions', 'predictions.h5'),
        ('eval.py', '--snapshot', 'result/model.npz', '--flip', '--protocol', 'all', '--plot', 'curve.png'),
        ('demo.py', '--model', 'result/model.npz', '--image', root / 'images' / '025508722.jpg'),
    ):
        result = _run(script, *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    assert '2 people, flip' in _run(
        'eval.py', '--model', 'result/model.npz', '--flip', '--protocol', 'all', cwd=tmp_path).stdout
    with h5py.File(tmp_path / 'predictions.h5') as file:
        assert file['preds'].shape == (1, 16, 2)
    assert {'curve.png', 'output.jpg'} <= {path.name for path in tmp_path.iterdir()}


def test_a_missing_image_is_told_before_the_first_prediction(
    shared: Callable[[str], Path], tmp_path: Path,
) -> None:
    content = json.loads(shared('coco/test_coco.json').read_text())
    names = [image['file_name'] for image in content['images']]
    for name in names[:-1]:
        (tmp_path / name).symlink_to(shared('coco') / name)
    result = _run('eval.py', '--dataset', 'coco', '--annotations', shared('coco/test_coco.json'), '--images', tmp_path,
                  '--model', 'bundled', '--save-predictions', 'results.json', cwd=tmp_path)
    assert result.returncode == 2
    assert f'{names[-1]}: no such file (1 of ' in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / 'results.json').exists()


def test_poses_of_images_that_nobody_annotated_are_written_and_not_scored(
    shared: Callable[[str], Path], tmp_path: Path,
) -> None:
    content = json.loads(shared('coco/test_coco.json').read_text())
    (tmp_path / 'images.json').write_text(json.dumps({'images': content['images']}))
    arguments = ('--dataset', 'coco', '--annotations', 'images.json', '--images', shared('coco'), '--detections',
                 shared('coco/test_coco_det_AP_H_56.json'), '--model', 'bundled')
    refused = _run('eval.py', *arguments, '--json', 'score.json', cwd=tmp_path)
    assert refused.returncode == 2
    assert 'images.json: annotates nobody' in refused.stderr
    result = _run('eval.py', *arguments, '--save-predictions', 'results.json', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'no scores, for nobody is annotated' in result.stdout
    assert {'image_id', 'keypoints', 'score'} <= set(json.loads((tmp_path / 'results.json').read_text())[0])


def test_coco_from_training_to_somebodys_results(shared: Callable[[str], Path], tmp_path: Path) -> None:
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
        ('eval.py', '--dataset', 'coco', '--model', 'result/model.npz', '--sheet', 'worst.png', '--plot', 'a.png'),
        ('eval.py', '--dataset', 'coco', '--model', 'result/model.npz', '--save-predictions', 'results.json',
         '--detections', shared('coco/test_coco_det_AP_H_56.json')),
        ('eval.py', '--predictions', 'results.json', '--annotations', truth, '--images', shared('coco'),
         '--json', 'score.json'),
        ('eval.py', '--predictions', 'results.json', '--annotations', truth, '--images', shared('coco'),
         '--plot', 'b.png', '--compare', 'score.json'),
    ):
        result = _run(script, *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    score = json.loads((tmp_path / 'score.json').read_text())
    assert score['oks']['people'] == 12
    pictures = {path.name for path in tmp_path.glob('*.png')}
    assert pictures == {'worst.png', 'a.png', 'a-oks.png', 'a-pck.png', 'b.png', 'b-oks.png', 'b-pck.png'}


def test_anybodys_predictions_are_scored(shared: Callable[[str], Path], tmp_path: Path) -> None:
    result = _run('eval.py', '--predictions', shared('mpii/preds/valid-example.h5'), '--annotations',
                  shared('mpii/annot/valid.h5'), '--json', 'a.json', '--csv', 'a.csv', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    expected = json.loads(shared('reference/pckh.json').read_text())
    score = json.loads((tmp_path / 'a.json').read_text())
    assert [joint['correct'] for joint in score['joints'].values()] == expected['correct']
    assert [joint['count'] for joint in score['joints'].values()] == expected['count']
    for group, rate in expected['scores'].items():
        assert score['groups'][group.capitalize()] == rate


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--dataset', 'lsp', '--root', 'nowhere'], 'nowhere/joints.mat: no such file'),
    (['--dataset', 'lsp', 'lspet', '--root', 'one'], '--root names 1 folder for 2'),
    ([*TINY, '--root', 'x'], '--root'),
    ([*TINY, '--batchsize', '0'], '--batchsize must'),
    ([*TINY, '--gpu', '0,0'], '--gpu 0,0'),
    ([*TINY, '--epoch', '-1'], '--epoch'),
    ([*TINY, '--lr', 'nan'], '--lr'),
    ([*TINY, '--width', '6'], 'multiple of 4'),
    ([*TINY, '--input-size', '100'], 'multiple of 16'),
    ([*TINY, '--gpu', '77'], '--gpu 77'),
    ([*TINY, '--samples', '8', '--resume', 'missing'], 'missing: No such file'),
    ([*TINY, '--samples', '8', '--resume'], 'no snapshot to go on from'),
    ([*TINY, '--epoch', 'x'], 'argument --epoch'),
    (['--epoch', '1'], '--dataset is missing'),
    (['--config', 'missing.json'], 'missing.json: No such file'),
])
def test_a_mistake_in_training_is_one_line_and_status_2(tmp_path: Path, arguments: list[str], reason: str) -> None:
    result = _run('train.py', *arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert reason in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert not list(tmp_path.iterdir()), 'nothing half-written'


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--dataset', 'lsp', '--root', 'nowhere', '--model', 'bundled'], 'nowhere/joints.mat: no such file'),
    (['--dataset', 'synthetic', '--model', 'nothing.npz'], 'nothing.npz'),
    (['--dataset', 'synthetic', '--split', 'x', '--model', 'bundled'], "no split 'x'"),
    (['--dataset', 'synthetic', '--batchsize', '0', '--model', 'bundled'], '--batchsize'),
    (['--root', 'nowhere', '--model', 'bundled'], 'nowhere'),
    (['--predictions', 'a.h5'], 'come together'),
    (['--predictions', 'a.h5', '--annotations', 'b.h5', '--protocol', 'all'], '--protocol does not go'),
    (['--dataset', 'synthetic', '--sheet', 'a.png'], '--sheet is for --dataset coco'),
    (['--dataset', 'synthetic', '--pck-threshold', '0.5'], '--pck-threshold is for'),
    (['--dataset', 'synthetic', '--plot', 'a.xyz', '--model', 'bundled'], 'a.xyz: a plot ends'),
    (['--dataset', 'synthetic', '--json', '.', '--model', 'bundled'], 'is a folder'),
    (['--dataset', 'synthetic', '--plot', 'a.png', '--compare', 'b.json', '--model', 'bundled'], 'b.json: no such'),
    (['--dataset', 'nosuch'], '--dataset'),
    (['--predictions', 'a.h5', '--annotations', 'b.h5'], 'a.h5: no such file'),
    (['--annotations', 'b.h5'], '--annotations goes with'),
    (['--predictions', 'a.json', '--annotations', 'b.json'], 'a.json: no such file'),
    (['--compare', 'a.json'], '--compare is for --plot'),
    (['--dataset', 'synthetic', '--calibrate', 'a.npz'], '--calibrate goes with --model'),
    (['--dataset', 'synthetic', '--calibrate', 'a.h5', '--model', 'bundled'], 'a.h5: the name must end with .npz'),
    (['--dataset', 'coco', '--reliability', 'a.png'], 'are for a network on another data set'),
    (['--dataset', 'synthetic', '--reliability', 'a.xyz', '--model', 'bundled'], 'a.xyz: a plot ends'),
    (['--dataset', 'lsp', '--save-predictions', 'a.h5', '--model', 'bundled'], 'not for LSP'),
    (['--dataset', 'lsp', '--samples', '3'], '--samples is for'),
    (['--dataset', 'lsp', '--protocol', 'all'], '--protocol is for'),
    (['--predictions', 'a.h5', '--annotations', 'b.h5', '--save-predictions', 'c.h5'], 'saved already'),
    (['--dataset', 'coco', '--detections', 'd.json', '--csv', 'c.csv'], '--csv is a table'),
    (['--predictions', 'a.json', '--annotations', 'b.json', '--detections', 'c.json'], '--detections are people'),
    (['--dataset', 'coco', '--sheet', 'worst', '--model', 'bundled'], 'worst: the ending'),
])
def test_a_mistake_in_evaluation_is_one_line_and_status_2(tmp_path: Path, arguments: list[str], reason: str) -> None:
    result = _run('eval.py', *arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert reason in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
