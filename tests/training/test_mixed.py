from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from hourglass.device import use_device
from hourglass.spec import ModelSpec
from tests.training.conftest import assert_same_result
from training.loss import TrainChain

import chainer
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu

Run = Callable[..., None]


@pytest.mark.parametrize('network', ['StackedHG', 'PreActivationHG'])
def test_gradients_are_those_of_single_precision_up_to_rounding(network: str, device: int) -> None:
    np.random.seed(0)
    spec = ModelSpec(network=network, n_stack=2, width=8, layer_num=1, input_size=(32, 32))
    rng = np.random.default_rng(0)
    batch = (rng.uniform(size=(2, 3, 32, 32)).astype('f'), rng.uniform(size=(2, 16, 8, 8)).astype('f'),
             np.ones((2, 16), bool))
    single = use_device(TrainChain(spec.build_network(), spec), device)
    batch = single.device.send(batch)
    mixed = TrainChain(single.predictor.copy('copy'), spec, mixed=True)
    gradients = []
    # Statistics of a small batch would make rounding matter much.
    with chainer.using_config('train', False):
        for chain in (single, mixed):
            loss = chain(*batch)
            assert loss.dtype == np.float32
            chain.cleargrads()
            loss.backward(loss_scale=256)
            assert {p.dtype for p in chain.params()} == {p.grad.dtype for p in chain.params()} == {np.dtype('f')}
            gradients.append(np.concatenate([to_cpu(p.grad).ravel() for _, p in sorted(chain.namedparams())]))
    a, b = gradients
    difference = np.linalg.norm(a - b) / np.linalg.norm(a)
    assert 1e-5 < difference < 0.01


def test_parameters_stay_single_and_the_loss_falls(
    run_training: Run, tmp_path: Path, reference: Path, recwarn: pytest.WarningsRecorder, device: int,
) -> None:
    out = tmp_path / 'out'
    run_training('--out', out, '--mixed16', '--gpu', device)
    losses, usual = ([entry['main/loss'] for entry in json.loads((folder / 'log').read_text())]
                     for folder in (out, reference))
    assert losses[0] > losses[1] > losses[2]
    np.testing.assert_allclose(losses, usual, rtol=0.1)
    assert losses != usual
    for name in ('model.npz', 'snapshot_iter_12'):
        with np.load(out / name) as file:
            assert {file[key].dtype.itemsize for key in file.files if file[key].dtype.kind == 'f'} <= {4, 8}
    assert not [warning for warning in recwarn if 'finite' in str(warning.message)]


def test_a_training_resumes_with_its_factor(run_training: Run, tmp_path: Path) -> None:
    run_training('--out', tmp_path / 'whole', '--mixed16', '--epoch', 2, '--keep', 2)
    shutil.copytree(tmp_path / 'whole', tmp_path / 'out')
    run_training('--out', tmp_path / 'out', '--mixed16', '--epoch', 2, '--resume', tmp_path / 'out' / 'snapshot_iter_4')
    assert_same_result(tmp_path / 'out', tmp_path / 'whole')
    with np.load(tmp_path / 'whole' / 'snapshot_iter_8') as file:
        # It doubled in each of the 8 steps.
        assert file['extensions/LossScale/scale'] == 256
