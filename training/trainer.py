"""Join network, data, optimiser and extensions to a Chainer trainer, and run it."""

from __future__ import annotations

import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pretrained
from data.augment import AUGMENTATIONS
from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from data.transform import TrainTransform
from hourglass.config import read_options
from hourglass.device import gpu_of_process, use_device
from hourglass.errors import InputError
from hourglass.interruption import StopRequest
from hourglass.predictor import PosePredictor
from hourglass.spec import CROP_ENTRIES
from training.average import MovingAverage
from training.config import NEWEST, TrainConfig
from training.distributed import Communicator, joined, normalise_together
from training.evaluator import PoseEvaluator
from training.interruption import EndOfTraining
from training.loss import TrainChain
from training.mixed import LossScale
from training.preparation import (
    Inputs,
    Validation,
    batch_size,
    comes_from_elsewhere,
    read_inputs,
    seed_everything,
)
from training.progress import ProgressBar
from training.record import RunRecord
from training.report import Events, LogFiles, PeopleGrid, event_writer_class
from training.schedule import OPTIMIZERS, LearningRateSchedule
from training.snapshot import (
    EarlySnapshot,
    Snapshots,
    check_snapshot_size,
    clear_partial,
    find_snapshots,
    load_snapshot,
    read_newest,
    read_snapshot,
)
from training.transfer import copy_common, freeze, parse_scales
from training.triggers import each_epoch, each_iteration
from training.watch import BEST_EPOCH, BEST_SCORE, SCORE, BestWeights, StopAtBadLoss

import numpy as np
from chainer import training
from chainer.training import extensions, updaters

#: What NumPy and Chainer say of numbers that are too large.  A loss that is none ends the training in one line, and
#: training in half precision tries out how large a number may be.
_OVERFLOW = '(overflow|invalid value|divide by zero) encountered|Non finite number found in param.grad'


def _updater(iterator: Any, optimizer: Any, gpus: Sequence[int]) -> updaters.StandardUpdater:
    """Return the updater: on several GPUs each takes a part of the batch, and the gradients are added."""
    if len(gpus) == 1:
        return updaters.StandardUpdater(iterator, optimizer, device=optimizer.target.device)
    devices = {'main' if i == 0 else f'gpu {gpu}': f'@cupy:{gpu}' for i, gpu in enumerate(gpus)}
    return updaters.ParallelUpdater(iterator, optimizer, devices=devices)


def copy_to_all(updater: updaters.StandardUpdater) -> None:
    """Give the networks on other GPUs the parameters of the first; Chainer does it after each step only."""
    main = updater.get_optimizer('main').target
    for model in getattr(updater, '_models', {}).values():
        if model is not main:
            model.copyparams(main)


def _resume(config: TrainConfig, trainer: training.Trainer, record: RunRecord, comm: Communicator) -> None:
    arrays: dict[str, np.ndarray] = {}
    path = Path(config.resume or '')
    with comm.raise_on_all():
        if comm.is_first:
            if config.resume == NEWEST:
                arrays, path = read_newest(Path(config.out))
            else:
                arrays = read_snapshot(path)
            record.check(arrays, path)
    arrays, path = comm.broadcast((arrays, path))
    with comm.raise_on_all():
        load_snapshot(arrays, path, trainer)
        copy_to_all(trainer.updater)
    comm.print_rank0(f'going on from {path} (epoch {trainer.updater.epoch}, iteration {trainer.updater.iteration})')


def _add_extensions(
    trainer: training.Trainer, config: TrainConfig, network: Any, spec: Any, validation: Validation | None,
    comm: Communicator,
) -> None:
    """Add what runs at the end of each epoch; ``network`` is the one that is validated and saved."""
    out = Path(config.out)
    optimizer = trainer.updater.get_optimizer('main')
    attribute = OPTIMIZERS[config.optimizer].attribute
    trainer.extend(extensions.observe_value('lr', lambda _: getattr(optimizer, attribute)), trigger=each_epoch)
    predictor = PosePredictor(network, spec)
    if validation is not None:
        evaluator = PoseEvaluator(predictor, validation.dataset, validation.threshold, comm)
        trainer.extend(evaluator, trigger=each_epoch)
        trainer.extend(EarlySnapshot(trainer.get_extension('Snapshots')), trigger=each_epoch)
    if not comm.is_first:
        return
    if validation is not None:
        trainer.extend(BestWeights(out / 'best.npz', network, spec), trigger=each_epoch)
        trainer.extend(PeopleGrid(predictor, validation.dataset, out / 'people.jpg'), trigger=each_epoch)
    trainer.extend(extensions.LogReport(trigger=each_epoch, filename=None), trigger=each_iteration)
    trainer.extend(LogFiles(out), trigger=each_epoch)
    if config.tensorboard:
        trainer.extend(Events(event_writer_class(), out / 'tensorboard'), trigger=each_epoch)
    samples = trainer.updater.get_iterator('main').dataset
    trainer.extend(ProgressBar(len(samples), config.epochs), trigger=each_iteration)


def _run(trainer: training.Trainer, config: TrainConfig, stop: StopRequest, comm: Communicator) -> None:
    """Run a trainer; if it is stopped, end the process with a snapshot of what has been done."""
    with stop.listening(), warnings.catch_warnings():
        warnings.filterwarnings('ignore', _OVERFLOW)
        # Errors are told by the script, in one line.
        trainer.run(show_loop_exception_msg=False)
        if not stop.requested or trainer.updater.epoch >= config.epochs:
            return
        if trainer.updater.iteration == 0:
            # The optimizer has no state yet, and a snapshot without it could not be gone on with.
            comm.print_rank0('stopped before the first step: nothing is lost, and there is no snapshot to go on from')
            sys.exit(stop.status)
        # The request may have come after the snapshots' turn in the last iteration.
        snapshots = trainer.get_extension('Snapshots')
        snapshots.write_missing(trainer)
        comm.wait()
    launcher = ['mpiexec', '-n', str(comm.size)] if comm.size > 1 else []
    command = [*launcher, 'python', 'train.py', *(['--distributed'] if launcher else []), '--config',
               str(Path(config.out) / 'run.json'), '--resume',
               # By name where a newer one lies there, of a training that this one went back on.
               *([] if snapshots.is_newest else [str(snapshots.last)])]
    comm.print_rank0(f'stopped in epoch {trainer.updater.epoch + 1} of {config.epochs}, snapshot written; go on with: '
               f'{shlex.join(command)}')
    sys.exit(stop.status)


@dataclass(frozen=True)
class TrainResult:
    """What a training has made.

    Attributes:
        out: folder with everything.
        model: weights after the last epoch.
        best: weights with the best validation score; ``None`` without validation, or if another training in the same
            folder has replaced them.
        score: validation score of these weights (PCKh@0.5 or PCK@0.2, from 0 to 1); ``None`` without validation.
        log: one entry for each epoch, as in the file ``log``.
    """

    out: Path
    model: Path
    best: Path | None
    score: float | None
    log: list[dict[str, Any]]


def _result(trainer: training.Trainer, out: Path) -> TrainResult:
    log = trainer.get_extension('LogReport').log
    score, best = log[-1].get(BEST_SCORE) if log else None, out / 'best.npz'
    # A training that resumes in another folder has left its best weights in the first one.
    has_best = score is not None and best.exists() and not trainer.get_extension('BestWeights').is_replaced
    return TrainResult(out, out / 'model.npz', best if has_best else None, score, log)


def _summary(result: TrainResult, validation: Validation | None) -> str:
    """Return where the weights are, and how good."""
    if not result.log:
        return f'{result.out}: model.npz has the weights'
    last = result.log[-1]
    text = f'{result.out}: model.npz has the weights after epoch {last["epoch"]}'
    if validation is None or SCORE not in last:
        return f'{text} (loss {last["main/loss"]:.4g})'
    text += f' ({validation.metric}@{validation.threshold:g} {last[SCORE]:.3f})'
    if result.score is None or not (result.out / 'best.npz').exists():
        return text
    best = f'after epoch {last[BEST_EPOCH]:.0f} ({result.score:.3f})'
    if result.best is None:
        return f'{text}; the best ones, {best}, are lost: best.npz is from before the training was set back'
    return f'{text}, best.npz the best ones, {best}'


def _resolve(config: TrainConfig, inputs: Inputs, comm: Communicator) -> TrainConfig:
    """Return the settings with those that were left open filled in."""
    spec = inputs.spec
    is_square = spec.input_size[0] == spec.input_size[1]
    return replace(
        config, batchsize=batch_size(config, len(inputs.gpus), len(inputs.people), comm),
        stacks=spec.n_stack, width=spec.width, depth=spec.layer_num, decoding=spec.decoding,
        align_corners=spec.align_corners, **{name: getattr(spec, name) for name in CROP_ENTRIES},
        # The setting stands for a square; other sizes come from init, also when the training is repeated.
        input_size=spec.input_size[0] if is_square else config.input_size,
        joints=spec.joints if isinstance(spec.joints, str) else config.joints,
        lr=config.learning_rate)


def train(config: TrainConfig) -> TrainResult:
    """Train a network; weights, log, pictures and snapshots go into the folder ``config.out``.

    Raises:
        InputError: a setting, a file or the data are wrong, or the loss is no longer a number.
        SystemExit: Ctrl-C or SIGTERM stopped the training; a snapshot was written.
    """
    with joined(config.distributed, on_gpu=not config.gpu.startswith('-')) as comm:
        return _train_with(config, comm)


def resume(out: str | Path, **changes: Any) -> TrainResult:
    """Resume a training from the newest snapshot in its folder, with the settings of its ``run.json``.

    Args:
        out: the folder.
        changes: attributes of :class:`TrainConfig` that differ from then, such as ``epochs`` for a longer training.

    Raises:
        InputError: there is no ``run.json`` or no snapshot, or a change makes it another training.
    """
    options = read_options(Path(out) / 'run.json', TrainConfig)
    return train(TrainConfig(**{**options, 'out': str(out), 'resume': NEWEST, **changes}))


def _train_with(config: TrainConfig, comm: Communicator) -> TrainResult:
    # The first process downloads and fills caches, where the others then find everything.
    for is_turn_of_first in (True, False):
        with comm.raise_on_all():
            if comm.is_first is is_turn_of_first:
                inputs = read_inputs(config, comm.local_rank == 0, comm.print_rank0)
                if config.distributed:
                    inputs.gpus = [gpu_of_process(inputs.gpus, comm.local_rank, comm.local_size)]
    with comm.raise_on_all():
        config = _resolve(config, inputs, comm)
    record = RunRecord(config, inputs.spec, inputs.people, comm.size)
    data = comm.broadcast(record.data)
    with comm.raise_on_all():
        if record.data != data:
            raise InputError('the data are others than those of rank 0')
    assert config.batchsize is not None  # it was filled in
    seed_everything(config.seed)
    changes = AUGMENTATIONS[config.augmentation](
        rotation=config.rotation, scale_range=config.scale_range, rotate_prob=config.rotate_prob, cutout=config.cutout,
        shift=config.shift, degrade=config.degrade)
    transform = TrainTransform(inputs.spec, changes)
    sizes = [len(part) for part in getattr(inputs.people, '_datasets', [inputs.people])]
    sampler = EpochOrderSampler(config.seed, sizes, config.dataset_weights)
    # Before the network: its processes are forked while there are no threads and no GPU is in use.
    iterator = SampleIterator(
        TrainingDataset(inputs.people, transform, config.seed), config.batchsize * comm.size,
        sampler, config.loaders, part=(comm.rank, comm.size))
    try:
        return _train(config, iterator, inputs, record, comm)
    finally:
        iterator.finalize()


def _make_optimizer(
    config: TrainConfig, inputs: Inputs, comm: Communicator,
) -> tuple[Any, list[tuple[Any, float]]]:
    """Return the optimiser with the network to train, and the parameters whose learning rate differs."""
    loss = inputs.loss if comm.size == 1 else replace(inputs.loss, mean=comm.mean)
    chain = TrainChain(inputs.spec.build_network(), inputs.spec, loss, config.mixed16)
    if config.sync_bn:
        normalise_together(chain, comm)
    if config.mixed16 and inputs.gpus[0] < 0:
        comm.print_rank0('--mixed16 without a GPU: many times slower than without the option')
    optimizer = OPTIMIZERS[config.optimizer].create(config.learning_rate).setup(chain)
    with comm.raise_on_all():
        freeze(chain.predictor, config.freeze)
        scales = parse_scales(chain.predictor, config.lr_scale)
        init = inputs.init
        if init is not None and (fresh := copy_common(init, chain.predictor, chain.spec)):
            comm.print_rank0(f'{init.source} has no {", ".join(fresh)}: trained from scratch')
    check_snapshot_size(chain)
    use_device(chain, inputs.gpus[0])
    return optimizer, scales


def _train(
    config: TrainConfig, iterator: SampleIterator, inputs: Inputs, record: RunRecord, comm: Communicator,
) -> TrainResult:
    out = Path(config.out)
    optimizer, scales = _make_optimizer(config, inputs, comm)
    chain = optimizer.target
    loss_scale = LossScale(optimizer) if config.mixed16 else None
    # mpiexec passes this signal on to all processes, whatever it is itself.
    stop = StopRequest(also=(signal.SIGUSR1,)) if comm.is_first else StopRequest('', (signal.SIGUSR1,))

    updater = _updater(iterator, comm.multi_node(optimizer), inputs.gpus)
    trainer = training.Trainer(updater, EndOfTraining(config.epochs, stop, comm), out=config.out)
    trainer.extend(record, trigger=each_epoch)
    trainer.extend(StopAtBadLoss(iterator, out, comm), trigger=each_iteration)
    schedule = LearningRateSchedule(config.schedule, config.optimizer, config.learning_rate, config.epochs, scales)
    trainer.extend(schedule, trigger=each_iteration)
    if loss_scale is not None:
        trainer.extend(loss_scale, trigger=each_epoch)
    network = chain.predictor
    if config.ema is not None:
        average = MovingAverage(network, config.ema)
        trainer.extend(average, trigger=each_iteration)
        network = average.network
    trainer.extend(Snapshots(out, config.snapshot_interval, config.keep, config.snapshot_minutes, stop,
                             comm.is_first), trigger=each_iteration)
    _add_extensions(trainer, config, network, chain.spec, inputs.validation, comm)
    if config.resume:
        _resume(config, trainer, record, comm)
    with comm.raise_on_all():
        if comm.is_first:
            _clear(config)
            record.write(out / 'run.json')
    _run(trainer, config, stop, comm)
    result: Any = None
    if comm.is_first:
        network.to_device('@numpy')
        pretrained.save_model(out / 'model.npz', network, chain.spec)
        result = _result(trainer, out)
        print(_summary(result, inputs.validation))
    return comm.broadcast(result)


def _clear(config: TrainConfig) -> None:
    """Remove what an earlier training has left and this one must not find."""
    out = Path(config.out)
    if config.overwrite and comes_from_elsewhere(config):
        for path in find_snapshots(out):
            path.unlink()
    clear_partial(out)
