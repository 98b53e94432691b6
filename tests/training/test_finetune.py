"""Beginning with other weights, freezing, learning rates of single parameters."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pretrained
from hourglass.errors import InputError
from hourglass.joints import LSP, MPII
from hourglass.spec import ModelSpec
from pretrained.weights_file import Model, load_model
from tests.networks import maps_of, values_of
from tests.training.conftest import assert_same_result
from training.config import TrainConfig
from training.finetune import copy_common, make_spec

import numpy as np
import pytest

MPII_SPEC = ModelSpec(n_stack=2, width=8, layer_num=1, input_size=(32, 32), mean=(.5, .4, .3),
                      decoding='quarter-offset')
Run = Callable[..., None]


_config = partial(TrainConfig, dataset='mpii')


def test_what_the_options_leave_open_is_as_in_the_weights() -> None:
    init = Model.of_network(MPII_SPEC.build_network(), MPII_SPEC, 'x')
    spec = make_spec(_config(), init, LSP)
    assert spec == replace(MPII_SPEC, joints='lsp', out_channels=14)
    assert make_spec(_config(crop='pad', input_size=64), init, MPII) == replace(
        MPII_SPEC, crop='pad', input_size=(64, 64))
    assert make_spec(_config(), None, LSP) == ModelSpec(joints='lsp', out_channels=14)
    assert make_spec(_config(decoding='argmax'), init, MPII) == replace(MPII_SPEC, decoding='argmax')
    assert make_spec(_config(align_corners=True), init, MPII) == replace(MPII_SPEC, align_corners=True)
    aligned = Model.of_network(init.network, replace(MPII_SPEC, align_corners=True), 'x')
    assert make_spec(_config(), aligned, MPII).align_corners is True
    assert make_spec(_config(align_corners=False), aligned, MPII).align_corners is False
    with pytest.raises(InputError, match='--width 16: x has 8'):
        make_spec(_config(width=16), init, LSP)
    assert make_spec(_config(stacks=4), init, MPII) == replace(MPII_SPEC, n_stack=4)
    with pytest.raises(InputError, match='--stacks 1: x has 2'):
        make_spec(_config(stacks=1), init, MPII)
    single = Model.of_network(init.network, replace(MPII_SPEC, n_stack=1), 'x')
    with pytest.raises(InputError, match='--stacks 2: x has 1; only a StackedHG'):
        make_spec(_config(stacks=2), single, MPII)
    other = Model.of_network(init.network, ModelSpec('PreActivationHG', n_stack=2), 'x')
    with pytest.raises(InputError, match='--stacks 3: x has 2; only a StackedHG'):
        make_spec(_config(stacks=3), other, MPII)


def test_decoding_with_half_a_cell_more_stays_with_its_weights() -> None:
    init = Model.of_network(MPII_SPEC.build_network(), replace(MPII_SPEC, decoding='torch7'), 'x')
    assert make_spec(_config(), init, MPII).decoding == 'torch7'
    assert make_spec(_config(decoding='torch7'), init, MPII).decoding == 'torch7'
    for decoding, weights in (('quarter-offset', init), ('torch7', None)):
        with pytest.raises(InputError, match=f'--decoding {decoding}: the initial network'):
            make_spec(_config(decoding=decoding), weights, MPII)


@pytest.mark.parametrize(('known', 'wanted', 'missing'), [
    ('mpii', 'lsp', []), ('lsp', 'mpii', ['pelvis', 'thorax']), ('mpii', 'mpii', []),
    ('lsp', 'coco', ['nose', 'left eye', 'right eye', 'left ear', 'right ear']),
])
def test_common_joints_are_copied_and_others_stay_fresh(known: str, wanted: str, missing: list[str]) -> None:
    from hourglass.joints import JOINT_SETS

    def build(name: str, seed: int) -> Model:
        np.random.seed(seed)
        spec = replace(MPII_SPEC, joints=name, out_channels=len(JOINT_SETS[name]))
        network = spec.build_network()
        for parameter in network.params():
            parameter.array += np.random.uniform(0.1, 1, parameter.shape).astype(np.float32)
        return Model.of_network(network, spec, name)

    source, target = build(known, 0), build(wanted, 1)
    before = {key: np.array(value) for key, value in values_of(target.network).items()}
    assert copy_common(source, target.network, target.spec) == missing
    after, given = values_of(target.network), values_of(source.network)
    for key, value in after.items():
        if key.startswith(('conv1_3a', 'conv2_3a')) or key == 'conv1_4a/W':
            axis = 1 if key == 'conv1_4a/W' else 0
            for i, joint in enumerate(target.spec.joint_set.joints):
                expected = before[key].take(i, axis) if joint in missing else \
                    given[key].take(source.spec.joint_set.index(joint), axis)
                np.testing.assert_array_equal(value.take(i, axis), expected)
        else:
            np.testing.assert_array_equal(value, given[key], err_msg=key)


def test_new_stacks_are_copies_of_the_last_one() -> None:
    np.random.seed(0)
    source = Model.of_network(MPII_SPEC.build_network(), MPII_SPEC, 'x')
    spec = replace(MPII_SPEC, n_stack=4)
    target = spec.build_network()
    assert copy_common(source, target, spec) == []
    given, grown = values_of(source.network), values_of(target)
    for key, value in grown.items():
        link, _, rest = key.partition('/')
        if not link.startswith(('hg', 'conv', 'bn')) or link.startswith(('hg1', 'conv1', 'bn1', 'conv0', 'bn0')):
            np.testing.assert_array_equal(value, given[key], err_msg=key)
        elif link.startswith('hg'):
            np.testing.assert_array_equal(value, given[f'hg2/{rest}'], err_msg=key)
        elif link.endswith(('_3b', '_4a')):
            np.testing.assert_array_equal(value, given[f'conv1{link[5:]}/{rest}'], err_msg=key)
        elif '4' in link[:5] or link.endswith('_1'):
            np.testing.assert_array_equal(value, given[link.replace('3_', '2_').replace('4_', '2_') + f'/{rest}'])


def test_a_new_stack_keeps_the_features_that_count() -> None:
    """Where all heatmaps depend on half of the features, the new stack gives those of the last one."""

    np.random.seed(0)
    network = MPII_SPEC.build_network()
    network.conv2_3a.W.array[:, 1::2] = 0
    spec = replace(MPII_SPEC, n_stack=3)
    target = spec.build_network()
    copy_common(Model.of_network(network, MPII_SPEC, 'x'), target, spec)
    image = np.random.default_rng(0).random((1, 3, 32, 32), np.float32)
    expected, found = maps_of(network, image)[1], maps_of(target, image)[1]
    assert np.abs(expected).max() > 1e-5
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)


def _parameters(path: Path) -> dict[str, np.ndarray]:
    return {name.lstrip('/'): parameter.array for name, parameter in
            pretrained.load_model(path).network.namedparams()}


def test_training_from_weights_with_frozen_and_scaled_parameters(run_training: Run, tmp_path: Path) -> None:
    run_training('--out', tmp_path / 'a', '--epoch', 1, '--lr', 1e-12, '--joints', 'mpii')
    start = tmp_path / 'a' / 'model.npz'
    arguments = ['--out', tmp_path / 'b', '--init', start, '--freeze', 'res*', 'conv0/b', '--lr-scale', 'hg1/*=1e-9']
    run_training(*arguments, '--epoch', 1)
    before, after = _parameters(start), _parameters(tmp_path / 'b' / 'model.npz')
    for name, values in after.items():
        if name.startswith('conv1_3a'):
            continue
        change = np.abs(values - before[name]).max()
        if name.startswith('res') or name == 'conv0/b':
            assert change == 0, name
        elif name.startswith('hg1/'):
            assert change < 1e-9, name
    assert np.abs(after['conv0/W'] - before['conv0/W']).max() > 1e-5
    assert np.abs(after['conv1_1/W'] - before['conv1_1/W']).max() > 1e-5
    start.unlink()
    run_training(*arguments, '--epoch', 2, '--resume')
    np.testing.assert_array_equal(_parameters(tmp_path / 'b' / 'model.npz')['conv0/b'], before['conv0/b'])


def test_a_resumed_training_keeps_what_is_frozen(run_training: Run, tmp_path: Path) -> None:
    arguments = ['--freeze', 'res*', '--lr-scale', 'conv0/*=0.1', '--ema', 0.9, '--optimizer', 'adamw',
                 '--schedule', 'cosine', '--loss', 'iou', '--ohkm', 5]
    run_training('--out', tmp_path / 'a', *arguments)
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    for name in ('snapshot_iter_12', 'model.npz', 'log'):
        (tmp_path / 'b' / name).unlink()
    run_training('--out', tmp_path / 'b', *arguments, '--resume')
    assert_same_result(tmp_path / 'a', tmp_path / 'b')


def test_calibrated_scores_are_lost_unless_they_are_wanted(
    run_training: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = tmp_path / 'first', tmp_path / 'second'
    run_training('--out', first, '--epoch', 1, '--calibrate')
    assert f'{first / "calibrated.npz"}: scores are ' in capsys.readouterr().out
    fitted, best = (load_model(first / f'{name}.npz') for name in ('calibrated', 'best'))
    assert fitted.spec == replace(best.spec, confidence=fitted.spec.confidence) != best.spec
    for key, array in best.arrays.items():
        np.testing.assert_array_equal(fitted.arrays[key], array, err_msg=key)
    run_training('--out', second, '--epoch', 1, '--init', first / 'calibrated.npz')
    printed = ''.join(capsys.readouterr())
    assert f'the scores of {first / "calibrated.npz"} are calibrated' in printed
    assert '--calibrate' in printed
    assert load_model(second / 'model.npz').spec.confidence == ()
    with pytest.raises(InputError, match='--calibrate needs validation people'):
        run_training('--out', tmp_path / 'third', '--calibrate', '--no-validation')
