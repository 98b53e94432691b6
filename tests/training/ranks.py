"""Scenarios for several processes: ``mpiexec -n 2 python ranks.py SCENARIO ARGUMENTS``; no test by itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

from data.lsp import LSPDataset
from data.person import PersonDataset
from hourglass.errors import InputError, run
from hourglass.joints import LSP
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from training.distributed import Communicator, joined
from training.evaluator import PoseEvaluator
from training.loss import LOSSES, HeatmapLoss, LossEntry, TrainChain
from training.options import parse_config
from training.trainer import train
from training.watch import StopAtBadLoss

import chainer
import numpy as np
import pytest

SPEC = ModelSpec(n_stack=1, width=8, layer_num=1, joints='lsp', out_channels=14, input_size=(32, 32))


def _check_gradients(comm: Communicator, ohkm: int | None) -> None:
    """The mean of losses and gradients is that of the whole batch, though the parts have unequal numbers of joints."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(size=(6, 3, 32, 32)).astype('f'), rng.uniform(size=(6, 14, 8, 8)).astype('f')
    labelled = rng.uniform(size=(6, 14)) < np.array([0.1, 1] * 3)[:, None]
    np.random.seed(0)
    chain = TrainChain(SPEC.build_network(), SPEC, HeatmapLoss(ohkm=ohkm))
    whole = chain.copy(mode='copy')
    chain.loss = replace(chain.loss, mean=comm.mean)
    mine = slice(comm.rank, None, 2)
    losses = []
    for model, batch in ((whole, (*inputs, labelled)), (chain, (inputs[0][mine], inputs[1][mine], labelled[mine]))):
        losses.append(model(*batch))
        model.cleargrads()
        losses[-1].backward()
    comm.communicator.multi_node_mean_grad(chain)
    np.testing.assert_allclose(comm.mean(losses[1].array), losses[0].array, rtol=1e-5)
    for (name, a), (_, b) in zip(chain.namedparams(), whole.namedparams(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-3, atol=1e-5 * np.abs(b.grad).max() + 1e-7, err_msg=name)


def _check_score(comm: Communicator, root: str) -> None:
    """The score is that of the first process's network on all people."""
    np.random.seed(comm.rank)
    network = SPEC.build_network()
    people = LSPDataset(root, 'train-fit')
    # 16 people in batches of 3, so that one process has 3 batches of 3 and the other 2 and one person.
    evaluator = PoseEvaluator(PosePredictor(network, SPEC, batchsize=3), people, 0.5, comm)
    assert comm.sum([len(evaluator.part)]) == [9, 7]
    alone = comm.broadcast(PoseEvaluator(PosePredictor(network, SPEC, batchsize=3), people, 0.5).score())
    observation: dict[str, float] = {}
    with chainer.Reporter().scope(observation):
        evaluator(None)
    assert observation['validation/main/pck'] == alone
    assert alone > 0
    # With fewer batches than processes one process has none.
    few = PoseEvaluator(PosePredictor(network, SPEC, batchsize=16), people, 0.5, comm)
    assert comm.sum([len(few.part)]) == [16, 0]
    assert abs(few.score() - alone) < 0.02


def _check_bad_loss(comm: Communicator) -> None:
    """The first process reports a loss that is not finite in any process; the last check."""
    people = PersonDataset('people', LSP, [Mock(image=f'image{comm.rank}.jpg')], Path())
    iterator = SimpleNamespace(dataset=SimpleNamespace(dataset=people), indices=[0])
    state = SimpleNamespace(observation={'main/loss': np.array([2, np.nan][comm.rank], np.float32)},
                            updater=SimpleNamespace(iteration=7, epoch=0))
    StopAtBadLoss(iterator, comm)(state)  # type: ignore[arg-type]
    raise AssertionError('the training continues')


def checks(fixed: str, whole: str, *arguments: str) -> None:
    """Check the pieces, then train: with fixed statistics, and as usual."""
    options = parse_config([*arguments, '--distributed'])
    with joined(True, False) as comm:
        with chainer.using_config('train', False):
            _check_gradients(comm, None)
            _check_gradients(comm, 3)
        _check_score(comm, options.root[0])
    with chainer.using_config('train', False):
        train(parse_config([*arguments, '--distributed', '--out', fixed]))
    train(parse_config([*arguments, '--distributed', '--out', whole, '--ema', '0.9']))
    with joined(True, False) as comm:
        _check_bad_loss(comm)


def _in_step(number: int, rank: str, action: Callable[[], object]) -> None:
    """Have something happen in a step of one process."""
    calls = iter(range(1, 10 ** 6))
    compare = LOSSES['mse'].compare

    def act(output: object, target: object) -> object:
        # Open MPI and MPICH name the rank in these variables.
        if next(calls) == number and os.environ.get('OMPI_COMM_WORLD_RANK', os.environ.get('PMI_RANK')) == rank:
            action()
        return compare(output, target)  # type: ignore[arg-type]

    LOSSES['mse'] = LossEntry('', act)  # type: ignore[arg-type]


def stop(*arguments: str) -> None:
    """Stop because of a signal to the last process in the middle of an epoch, then resume."""
    _in_step(6, '1', lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit, match='143'):
        train(parse_config([*arguments, '--distributed', '--loaders', '1']))
    train(parse_config([*arguments, '--distributed', '--resume']))


def end(action: Callable[[], object], *arguments: str) -> None:
    """Train, and have something happen in one process."""
    _in_step(3, '1', action)
    train(parse_config([*arguments, '--distributed']))


SCENARIOS = {
    'checks': checks, 'stop': stop,
    'fail': partial(end, Mock(side_effect=ZeroDivisionError('out of luck'))),
    'mistake': partial(end, Mock(side_effect=InputError('photo.jpg: cannot be read'))),
    'killed': partial(end, lambda: os.kill(os.getpid(), signal.SIGKILL)),
}

if __name__ == '__main__':
    run(lambda: SCENARIOS[sys.argv[1]](*sys.argv[2:]))
