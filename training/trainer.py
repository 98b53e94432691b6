"""Train a network: a Chainer trainer with network, data, optimiser and extensions."""

from __future__ import annotations

import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pretrained
from data.augment import AUGMENTATIONS
from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from data.sets import parts_of
from data.transform import TrainTransform
from hourglass.config import read_options
from hourglass.device import gpu_of_process, use_device
from hourglass.errors import InputError, program_name
from hourglass.interruption import StopRequest
from hourglass.lock import only_run
from hourglass.predictor import PosePredictor
from training.average import MovingAverage
from training.config import NEWEST, TrainConfig
from training.distributed import Communicator, joined, normalise_together
from training.evaluator import PoseEvaluator, calibrate_scores
from training.finetune import copy_common, freeze, parse_scales
from training.graph import GraphUpdater
from training.loop import run_trainer
from training.loss import TrainChain
from training.mixed import LossScale
from training.preparation import Inputs, Validation, comes_from_elsewhere, read_inputs, resolve
from training.progress import ProgressBar
from training.record import RunRecord
from training.report import Events, LogFiles, PeopleGrid
from training.result import TrainResult
from training.schedule import OPTIMIZERS, LearningRateSchedule
from training.snapshot import (
    Snapshots,
    clear_partial,
    find_snapshots,
    load_snapshot,
    read_newest,
    read_snapshot,
)
from training.triggers import EndOfTraining, each_epoch, each_iteration
from training.watch import BestWeights, StopAtBadLoss

import numpy as np
from chainer import training
from chainer.training import extensions, updaters

#: Warnings of NumPy and Chainer about numbers that are too large. A loss that is not finite ends the training in one
#: line, and training in half precision tries out how large a number may be.
_OVERFLOW = '(overflow|invalid value|divide by zero) encountered|Non finite number found in param.grad'


def train(config: TrainConfig) -> TrainResult:
    """Train a network; weights, log, pictures and snapshots go into the folder ``config.out``.

    Raises:
        InputError: a setting, a file or the data are wrong, or the loss is not finite.
        SystemExit: Ctrl-C or SIGTERM stopped the training; a snapshot was written.
    """
    with joined(config.distributed, on_gpu=not config.gpu.startswith('-')) as comm:
        return _train_with(config, comm)


def resume(out: str | Path, **changes: Any) -> TrainResult:
    """Resume a training from the newest snapshot in its folder, with the settings of its ``run.json``.

    Args:
        out: the folder.
        changes: attributes of :class:`TrainConfig` with new values, such as ``epochs`` for a longer training.

    Raises:
        InputError: there is no ``run.json`` or no snapshot, or a change makes it another training.
    """
    options = read_options(Path(out) / 'run.json', TrainConfig)
    return train(TrainConfig(**{**options, 'out': str(out), 'resume': NEWEST, **changes}))


def _train_with(config: TrainConfig, comm: Communicator) -> TrainResult:
    # The first process downloads and fills caches, which the others then find.
    for is_turn_of_first in (True, False):
        with comm.raise_on_all():
            if comm.is_first is is_turn_of_first:
                inputs = read_inputs(config, comm.local_rank == 0, comm.print_rank0)
                if config.distributed:
                    inputs.gpus = [gpu_of_process(inputs.gpus, comm.local_rank, comm.local_size)]
    with comm.raise_on_all():
        config = resolve(config, inputs, comm)
    record = RunRecord(config, inputs.spec, inputs.people, comm.size)
    data = comm.broadcast(record.data)
    with comm.raise_on_all():
        if record.data != data:
            raise InputError('the data differ from those of rank 0')
    assert config.batchsize is not None  # they are resolved
    assert config.loaders is not None
    # For the initial parameters. Nothing is drawn afterwards, so snapshots do not need the generator's state.
    np.random.seed(config.seed)
    augmentation = AUGMENTATIONS[config.augmentation](
        rotation=config.rotation, scale_range=config.scale_range, rotate_prob=config.rotate_prob, cutout=config.cutout,
        shift=config.shift, degrade=config.degrade)
    dataset = TrainingDataset(inputs.people, TrainTransform(inputs.spec, augmentation), config.seed)
    sampler = EpochOrderSampler(config.seed, [len(part) for part in parts_of(inputs.people)], config.dataset_weights)
    # Before the network: its processes are forked while there are no threads and no GPU is in use.
    iterator = SampleIterator(dataset, config.batchsize * comm.size, sampler, config.loaders,
                              part=(comm.rank, comm.size))
    with ExitStack() as stack:
        stack.callback(iterator.finalize)
        # After the loaders were forked: they would hold the lock for a moment longer than a training that is killed.
        with comm.raise_on_all():
            if comm.is_first:
                stack.enter_context(only_run(Path(config.out)))
        return _train(config, iterator, inputs, record, comm)


def _train(
    config: TrainConfig, iterator: SampleIterator, inputs: Inputs, record: RunRecord, comm: Communicator,
) -> TrainResult:
    out = Path(config.out)
    optimizer, scales = _make_optimizer(config, inputs, comm)
    chain = optimizer.target
    loss_scale = LossScale(optimizer) if config.mixed16 else None
    # mpiexec passes this signal on to all processes, whatever it is itself.
    stop = StopRequest(also=(signal.SIGUSR1,)) if comm.is_first else StopRequest('', (signal.SIGUSR1,))

    # --mixed16 changes the scale of the loss, --ohkm sorts, which CuPy may not record, and processes wait for others.
    can_be_recorded = comm.size == 1 and not config.mixed16 and config.ohkm is None
    updater = _updater(iterator, comm.multi_node(optimizer), inputs.gpus, can_be_recorded)
    trainer = training.Trainer(updater, EndOfTraining(config.epochs, stop, comm), out=config.out)
    trainer.extend(record, trigger=each_epoch)
    trainer.extend(StopAtBadLoss(iterator, comm), trigger=each_iteration)
    schedule = LearningRateSchedule(config.schedule, config.optimizer, config.learning_rate, config.epochs, scales)
    trainer.extend(schedule, trigger=each_iteration)
    if loss_scale is not None:
        trainer.extend(loss_scale, trigger=each_epoch)
    network = chain.predictor
    if config.ema is not None:
        average = MovingAverage(network, config.ema)
        trainer.extend(average, trigger=each_iteration)
        network = average.network
    snapshots = Snapshots(out, config.snapshot_interval, config.keep, config.snapshot_minutes, stop, comm.is_first)
    snapshots.extend(trainer)
    _add_extensions(trainer, config, network, chain.spec, inputs.validation, comm)
    if config.resume:
        _resume(config, trainer, record, comm)
    with comm.raise_on_all():
        if comm.is_first:
            if config.overwrite and comes_from_elsewhere(config):
                for path in find_snapshots(out):
                    path.unlink()
            clear_partial(out)
            record.write(out / 'run.json')
    _run(trainer, config, stop, comm)
    result: Any = None
    if comm.is_first:
        network.to_device('@numpy')
        pretrained.save_model(out / 'model.npz', network, chain.spec)
        result = TrainResult.of_trainer(trainer, out)
        print(result.summary(inputs.validation))
        if config.calibrate and inputs.validation is not None:
            print(calibrate_scores(result.best or result.model, inputs.validation.dataset, inputs.validation.threshold,
                                   out / 'calibrated.npz'))
    return comm.broadcast(result)


def _make_optimizer(
    config: TrainConfig, inputs: Inputs, comm: Communicator,
) -> tuple[Any, list[tuple[Any, float]]]:
    """Return the optimiser with the network to train, and the parameters whose learning rate differs."""
    loss = inputs.loss if comm.size == 1 else replace(inputs.loss, mean=comm.mean)
    chain = TrainChain(inputs.spec.build_network(), inputs.spec, loss, config.mixed16)
    if config.sync_bn:
        normalise_together(chain, comm)
    if config.mixed16 and inputs.gpus[0] < 0:
        comm.print_rank0('--mixed16 without a GPU is many times slower than training without it')
    optimizer = OPTIMIZERS[config.optimizer].create(config.learning_rate).setup(chain)
    with comm.raise_on_all():
        freeze(chain.predictor, config.freeze)
        scales = parse_scales(chain.predictor, config.lr_scale)
        init = inputs.init
        if init is not None and (fresh := copy_common(init, chain.predictor, chain.spec)):
            comm.print_rank0(f'{init.source} has no {", ".join(fresh)}: random weights to begin with')
        if init is not None and init.spec.confidence and not config.calibrate:
            comm.print_rank0(f'the scores of {init.source} are calibrated; those of the new weights will be peaks of '
                             'heatmaps, unless --calibrate calibrates them')
    use_device(chain, inputs.gpus[0])
    return optimizer, scales


def _updater(
    iterator: Any, optimizer: Any, gpus: Sequence[int], can_be_recorded: bool,
) -> updaters.StandardUpdater:
    """Return the updater; with several GPUs each takes a part of the batch, and the gradients are added."""
    if len(gpus) == 1:
        kind = GraphUpdater if gpus[0] >= 0 and can_be_recorded else updaters.StandardUpdater
        return kind(iterator, optimizer, device=optimizer.target.device)
    devices = {'main' if i == 0 else f'gpu {gpu}': f'@cupy:{gpu}' for i, gpu in enumerate(gpus)}
    return updaters.ParallelUpdater(iterator, optimizer, devices=devices)


def copy_to_all(updater: updaters.StandardUpdater) -> None:
    """Give the networks on other GPUs the parameters of the first; Chainer does so only after each step."""
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
    comm.print_rank0(f'resuming from {path} (epoch {trainer.updater.epoch}, iteration {trainer.updater.iteration})')


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
    if not comm.is_first:
        return
    if validation is not None:
        trainer.extend(BestWeights(out / 'best.npz', network, spec), trigger=each_epoch)
        trainer.extend(PeopleGrid(predictor, validation.dataset, out / 'people.jpg'), trigger=each_epoch)
    trainer.extend(extensions.LogReport(trigger=each_epoch, filename=None), trigger=each_iteration)
    trainer.extend(LogFiles(out, validation.title if validation is not None else 'score'), trigger=each_epoch)
    if config.tensorboard:
        trainer.extend(Events(out / 'tensorboard'), trigger=each_epoch)
    samples = trainer.updater.get_iterator('main').dataset
    trainer.extend(ProgressBar(len(samples), config.epochs), trigger=each_iteration)


def _run(trainer: training.Trainer, config: TrainConfig, stop: StopRequest, comm: Communicator) -> None:
    """Run a trainer; if it is stopped, report how to resume and end the process."""
    snapshots = trainer.get_extension('Snapshots')
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', _OVERFLOW)
        if run_trainer(trainer, snapshots, stop, config.epochs, comm):
            return
    if trainer.updater.iteration == 0:
        comm.print_rank0('stopped before the first step, without a snapshot')
        sys.exit(stop.status)
    launcher = ['mpiexec', '-n', str(comm.size)] if comm.size > 1 else []
    name = program_name()
    program = name if name in ('hourglass-train', 'python -m training') else 'python train.py'
    command = [*launcher, *program.split(), *(['--distributed'] if launcher else []), '--resume', str(snapshots.last)]
    comm.print_rank0(f'stopped in epoch {trainer.updater.epoch + 1} of {config.epochs}; the snapshot is written; '
                     f'resume with: {shlex.join(command)}')
    sys.exit(stop.status)
