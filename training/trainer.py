"""Join network, data, optimiser and extensions to a Chainer trainer, and run it."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pretrained
from data.augment import AUGMENTATIONS
from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from data.transform import TrainTransform
from hourglass.device import gpu_of_process, use_device
from hourglass.errors import InputError
from hourglass.interruption import StopRequest
from hourglass.predictor import PosePredictor
from training.average import MovingAverage
from training.distributed import Communicator, joined, normalise_together
from training.evaluator import PoseEvaluator
from training.interruption import EndOfTraining
from training.loss import TrainChain
from training.mixed import LossScale
from training.options import NEWEST, check_options
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
from training.watch import SCORE, BestWeights, StopAtBadLoss

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


def _resume(options: argparse.Namespace, trainer: training.Trainer, record: RunRecord, comm: Communicator) -> None:
    arrays: dict[str, np.ndarray] = {}
    path = Path(options.resume)
    with comm.raise_on_all():
        if comm.is_first:
            if options.resume == NEWEST:
                arrays, path = read_newest(Path(options.out))
            else:
                arrays = read_snapshot(path)
            record.check(arrays, path)
    arrays, path = comm.broadcast((arrays, path))
    with comm.raise_on_all():
        load_snapshot(arrays, path, trainer)
        copy_to_all(trainer.updater)
    comm.print_rank0(f'going on from {path} (epoch {trainer.updater.epoch}, iteration {trainer.updater.iteration})')


def _add_extensions(
    trainer: training.Trainer, options: argparse.Namespace, network: Any, spec: Any, validation: Validation | None,
    comm: Communicator,
) -> None:
    """Add what runs at the end of each epoch; ``network`` is the one that is validated and saved."""
    out = Path(options.out)
    optimizer = trainer.updater.get_optimizer('main')
    attribute = OPTIMIZERS[options.optimizer].attribute
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
    if options.tensorboard:
        trainer.extend(Events(event_writer_class(), out / 'tensorboard'), trigger=each_epoch)
    samples = trainer.updater.get_iterator('main').dataset
    trainer.extend(ProgressBar(len(samples), options.epoch), trigger=each_iteration)


def _run(trainer: training.Trainer, options: argparse.Namespace, stop: StopRequest, comm: Communicator) -> None:
    """Run a trainer; if it is stopped, end the process with a snapshot of what has been done."""
    with stop.listening(), warnings.catch_warnings():
        warnings.filterwarnings('ignore', _OVERFLOW)
        # Errors are told by the script, in one line.
        trainer.run(show_loop_exception_msg=False)
        if not stop.requested or trainer.updater.epoch >= options.epoch:
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
               str(Path(options.out) / 'run.json'), '--resume',
               # By name where a newer one lies there, of a training that this one went back on.
               *([] if snapshots.is_newest else [str(snapshots.last)])]
    comm.print_rank0(f'stopped in epoch {trainer.updater.epoch + 1} of {options.epoch}, snapshot written; go on with: '
               f'{shlex.join(command)}')
    sys.exit(stop.status)


def _told_results(trainer: training.Trainer, out: Path, validation: Validation | None) -> str:
    """Return where the weights are, and how good."""
    log = trainer.get_extension('LogReport').log
    if not log:
        return f'{out}: model.npz has the weights'
    last = log[-1]
    text = f'{out}: model.npz has the weights after epoch {last["epoch"]}'
    if validation is None or SCORE not in last:
        return f'{text} (loss {last["main/loss"]:.4g})'
    text += f' ({validation.metric}@{validation.threshold:g} {last[SCORE]:.3f})'
    # A training that goes on in another folder has left its best weights in the first one.
    if 'validation/main/best' in last and (out / 'best.npz').exists():
        best = f'after epoch {last["validation/main/best_epoch"]:.0f} ({last["validation/main/best"]:.3f})'
        is_replaced = trainer.get_extension('BestWeights').is_replaced
        text += (f'; the best ones, {best}, are lost: best.npz is from before the training was set back' if is_replaced
                 else f', best.npz the best ones, {best}')
    return text


def _resolve(options: argparse.Namespace, inputs: Inputs, comm: Communicator) -> None:
    """Put in place of the options that were left open what they come to."""
    spec = inputs.spec
    if options.augmentation == 'warp' and spec.crop == 'torch7':
        raise InputError('--augmentation warp does not go with the crop torch7')
    options.batchsize = batch_size(options, len(inputs.gpus), len(inputs.people), comm)
    options.stacks, options.width, options.depth = spec.n_stack, spec.width, spec.layer_num
    options.crop = spec.crop
    # The option stands for a square; other sizes come from --init, also when the training is repeated.
    if spec.input_size[0] == spec.input_size[1]:
        options.input_size = spec.input_size[0]
    options.decoding, options.align_corners = spec.decoding, spec.align_corners
    if isinstance(spec.joints, str):
        options.joints = spec.joints
    options.lr = options.lr or OPTIMIZERS[options.optimizer].lr


def train(options: argparse.Namespace) -> None:
    """Train as the options of :mod:`training.options` say; the result is ``model.npz`` in ``options.out``.

    Raises:
        InputError: an option, a file or the data are wrong, or the loss is no longer a number.
    """
    # Before MPI is needed: a mistake is the same mistake without it.
    check_options(options)
    with joined(options.distributed, on_gpu=not options.gpu.startswith('-')) as comm:
        _train_with(options, comm)


def _train_with(options: argparse.Namespace, comm: Communicator) -> None:
    # The first process downloads and fills caches, where the others then find everything.
    for is_turn_of_first in (True, False):
        with comm.raise_on_all():
            if comm.is_first is is_turn_of_first:
                inputs = read_inputs(options, comm.local_rank == 0, comm.print_rank0)
                if options.distributed:
                    inputs.gpus = [gpu_of_process(inputs.gpus, comm.local_rank, comm.local_size)]
    with comm.raise_on_all():
        _resolve(options, inputs, comm)
    record = RunRecord(options, inputs.spec, inputs.people, comm.size)
    data = comm.broadcast(record.data)
    with comm.raise_on_all():
        if record.data != data:
            raise InputError('the data are others than those of rank 0')
    seed_everything(options.seed)
    changes = AUGMENTATIONS[options.augmentation](
        rotation=options.rotation, scale_range=tuple(options.scale_range), rotate_prob=options.rotate_prob,
        cutout=options.cutout)
    transform = TrainTransform(inputs.spec, changes)
    # Before the network: its processes are forked while there are no threads and no GPU is in use.
    iterator = SampleIterator(
        TrainingDataset(inputs.people, transform, options.seed), options.batchsize * comm.size,
        EpochOrderSampler(options.seed), options.loaders, part=(comm.rank, comm.size))
    try:
        _train(options, iterator, inputs, record, comm)
    finally:
        iterator.finalize()


def _make_optimizer(
    options: argparse.Namespace, inputs: Inputs, comm: Communicator,
) -> tuple[Any, list[tuple[Any, float]]]:
    """Return the optimiser with the network to train, and the parameters whose learning rate differs."""
    loss = inputs.loss if comm.size == 1 else replace(inputs.loss, mean=comm.mean)
    chain = TrainChain(inputs.spec.build_network(), inputs.spec, loss, options.mixed16)
    if options.sync_bn:
        normalise_together(chain, comm)
    if options.mixed16 and inputs.gpus[0] < 0:
        comm.print_rank0('--mixed16 without a GPU: many times slower than without the option')
    optimizer = OPTIMIZERS[options.optimizer].create(options.lr).setup(chain)
    with comm.raise_on_all():
        freeze(chain.predictor, options.freeze)
        scales = parse_scales(chain.predictor, options.lr_scale)
        init = inputs.init
        if init is not None and (fresh := copy_common(init, chain.predictor, chain.spec)):
            comm.print_rank0(f'{init.source} has no {", ".join(fresh)}: trained from scratch')
    check_snapshot_size(chain)
    use_device(chain, inputs.gpus[0])
    return optimizer, scales


def _train(
    options: argparse.Namespace, iterator: SampleIterator, inputs: Inputs, record: RunRecord, comm: Communicator,
) -> None:
    out = Path(options.out)
    optimizer, scales = _make_optimizer(options, inputs, comm)
    chain = optimizer.target
    loss_scale = LossScale(optimizer) if options.mixed16 else None
    # mpiexec passes this signal on to all processes, whatever it is itself.
    stop = StopRequest(also=(signal.SIGUSR1,)) if comm.is_first else StopRequest('', (signal.SIGUSR1,))

    updater = _updater(iterator, comm.multi_node(optimizer), inputs.gpus)
    trainer = training.Trainer(updater, EndOfTraining(options.epoch, stop, comm), out=options.out)
    trainer.extend(record, trigger=each_epoch)
    trainer.extend(StopAtBadLoss(iterator, out, comm), trigger=each_iteration)
    schedule = LearningRateSchedule(options.schedule, options.optimizer, options.lr, options.epoch, scales)
    trainer.extend(schedule, trigger=each_iteration)
    if loss_scale is not None:
        trainer.extend(loss_scale, trigger=each_epoch)
    network = chain.predictor
    if options.ema is not None:
        average = MovingAverage(network, options.ema)
        trainer.extend(average, trigger=each_iteration)
        network = average.network
    trainer.extend(Snapshots(out, options.snapshot_interval, options.keep, options.snapshot_minutes, stop,
                             comm.is_first), trigger=each_iteration)
    _add_extensions(trainer, options, network, chain.spec, inputs.validation, comm)
    if options.resume:
        _resume(options, trainer, record, comm)
    with comm.raise_on_all():
        if comm.is_first:
            _clear(options)
            record.write(out / 'run.json')
    _run(trainer, options, stop, comm)
    if comm.is_first:
        network.to_device('@numpy')
        pretrained.save_model(out / 'model.npz', network, chain.spec)
        print(_told_results(trainer, out, inputs.validation))


def _clear(options: argparse.Namespace) -> None:
    """Remove what an earlier training has left and this one must not find."""
    out = Path(options.out)
    if options.overwrite and comes_from_elsewhere(options):
        for path in find_snapshots(out):
            path.unlink()
    clear_partial(out)
