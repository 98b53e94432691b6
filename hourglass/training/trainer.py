"""Join network, data, optimiser and extensions to a Chainer trainer, and run it."""

from __future__ import annotations

import argparse
import random
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pretrained
from data.augment import Augmentation
from data.person import PersonDataset
from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from data.sets import DATASETS, load_joined, match_roots
from data.transform import TrainTransform
from hourglass.device import parse_gpus, use_device
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor
from hourglass.training.average import MovingAverage
from hourglass.training.evaluator import PoseEvaluator
from hourglass.training.interruption import EndOfTraining, StopRequest
from hourglass.training.loss import HeatmapLoss, TrainChain, parse_joint_weights
from hourglass.training.options import NEWEST, check_options
from hourglass.training.progress import ProgressBar
from hourglass.training.record import RunRecord
from hourglass.training.report import Events, LogFiles, PeopleGrid, event_writer_class
from hourglass.training.schedule import OPTIMIZERS, LearningRateSchedule
from hourglass.training.snapshot import (
    Snapshots,
    clear_partial,
    find_snapshots,
    load_snapshot,
    read_newest,
    read_snapshot,
)
from hourglass.training.transfer import copy_common, freeze, make_spec, parse_scales
from hourglass.training.triggers import each_epoch, each_iteration
from hourglass.training.watch import BestWeights, StopAtBadLoss

import numpy as np
from chainer import training
from chainer.training import extensions, updaters


class _Validation(NamedTuple):
    dataset: PersonDataset
    threshold: float


def _seed_everything(seed: int) -> None:
    # The parameters are drawn from NumPy's global generator by Chainer's initialisers.  Nothing is drawn from these
    # generators after that, so their state need not be in snapshots.
    random.seed(seed)
    np.random.seed(seed)


def _open_validation(options: argparse.Namespace, roots: Sequence[str | None], joint_set: Any) -> _Validation | None:
    """Return the validation part of the first data set that has one."""
    for name, root in zip(options.dataset, roots, strict=True):
        entry = DATASETS[name]
        if entry.val_split is not None and not options.no_validation:
            extra = {'samples': max(1, options.samples // 5)} if entry.has_samples and options.samples else {}
            dataset = entry.load(root, entry.val_split, joint_set, **extra)
            return _Validation(dataset, getattr(dataset, 'threshold', entry.threshold))
    return None


def _updater(iterator: Any, optimizer: Any, gpus: Sequence[int]) -> updaters.StandardUpdater:
    """Return the updater: on several GPUs each takes a part of the batch, and the gradients are added."""
    if len(gpus) == 1:
        return updaters.StandardUpdater(iterator, optimizer, device=optimizer.target.device)
    devices = {'main' if i == 0 else f'gpu {gpu}': f'@cupy:{gpu}' for i, gpu in enumerate(gpus)}
    return updaters.ParallelUpdater(iterator, optimizer, devices=devices)


def _batch_size(options: argparse.Namespace, n_gpus: int, n_people: int) -> int:
    batch_size = options.batchsize or (6 if n_gpus == 1 else 32)
    if batch_size > n_people:
        print(f'batches of {n_people} instead of {batch_size}: there are no more people', file=sys.stderr)
    return min(batch_size, n_people)


def _check_folder(options: argparse.Namespace) -> None:
    """Refuse to mix two trainings in one folder, which --resume could not tell apart."""
    if options.resume is None and not options.overwrite and find_snapshots(Path(options.out)):
        raise InputError(f'{options.out}: holds snapshots of an earlier training; --resume goes on with it, --out '
                         'names another folder, --overwrite removes them')


def _resume(options: argparse.Namespace, trainer: training.Trainer, record: RunRecord) -> None:
    if options.resume == NEWEST:
        arrays, path = read_newest(Path(options.out))
    else:
        path = Path(options.resume)
        arrays = read_snapshot(path)
    record.check(arrays, path)
    load_snapshot(arrays, path, trainer)
    print(f'going on from {path} (epoch {trainer.updater.epoch}, iteration {trainer.updater.iteration})',
          file=sys.stderr)


def _add_extensions(
    trainer: training.Trainer, options: argparse.Namespace, network: Any, spec: Any, validation: _Validation | None,
) -> None:
    """Add what runs at the end of each epoch; ``network`` is the one that is validated and saved."""
    out = Path(options.out)
    optimizer = trainer.updater.get_optimizer('main')
    attribute = OPTIMIZERS[options.optimizer].attribute
    trainer.extend(extensions.observe_value('lr', lambda _: getattr(optimizer, attribute)), trigger=each_epoch)
    if validation is not None:
        predictor = PosePredictor(network, spec)
        trainer.extend(PoseEvaluator(predictor, *validation), trigger=each_epoch)
        trainer.extend(BestWeights(out / 'best.npz', network, spec), trigger=each_epoch)
        trainer.extend(PeopleGrid(predictor, validation.dataset, out / 'people.jpg'), trigger=each_epoch)
    trainer.extend(extensions.LogReport(trigger=each_epoch, filename=None), trigger=each_iteration)
    trainer.extend(LogFiles(out), trigger=each_epoch)
    if options.tensorboard:
        trainer.extend(Events(event_writer_class(), out / 'tensorboard'), trigger=each_epoch)


def _run(trainer: training.Trainer, options: argparse.Namespace, stop: StopRequest) -> None:
    with stop.listening():
        # Errors are told by the script, in one line.
        trainer.run(show_loop_exception_msg=False)
    if stop.requested and trainer.updater.epoch < options.epoch:
        # The request may have come after the snapshots' turn in the last iteration.
        trainer.get_extension('Snapshots').write_missing(trainer)
        command = shlex.join(['python', 'train.py', '--config', str(Path(options.out) / 'run.json'), '--resume'])
        print(f'stopped in epoch {trainer.updater.epoch + 1} of {options.epoch}, snapshot written; go on with: '
              f'{command}', file=sys.stderr)
        sys.exit(stop.status)


def train(options: argparse.Namespace) -> None:
    """Train as the options of :mod:`hourglass.training.options` say; the result is ``model.npz`` in ``options.out``.

    Raises:
        InputError: an option, a file or the data are wrong, or the loss is no longer a number.
    """
    check_options(options)
    _check_folder(options)
    gpus = parse_gpus(options.gpu)
    _seed_everything(options.seed)
    init = pretrained.load(options.init) if options.init else None
    spec = make_spec(options, init)
    loss = HeatmapLoss(options.loss, parse_joint_weights(options.joint_weights, spec.joint_set), options.hard_joints)
    roots = match_roots(options.dataset, options.root)
    people = load_joined(options.dataset, roots, spec.joint_set, not options.no_validation, options.samples)
    validation = _open_validation(options, roots, spec.joint_set)
    dataset = TrainingDataset(people, TrainTransform(spec, Augmentation(rotation=options.rotation)), options.seed)

    options.batchsize = _batch_size(options, len(gpus), len(dataset))
    options.stacks, options.width, options.depth = spec.n_stack, spec.width, spec.layer_num
    options.input_size, options.joints, options.crop = spec.input_size[0], spec.joints, spec.crop
    options.lr = options.lr or OPTIMIZERS[options.optimizer].lr
    record = RunRecord(options, spec, people)
    # Before the network: its processes are forked while there are no threads and no GPU is in use.
    iterator = SampleIterator(dataset, options.batchsize, EpochOrderSampler(options.seed), options.loaders)
    try:
        _train(options, iterator, TrainChain(spec.build_network(), spec, loss), gpus, init, record, validation)
    finally:
        iterator.finalize()


def _train(
    options: argparse.Namespace, iterator: SampleIterator, chain: TrainChain, gpus: Sequence[int], init: Any,
    record: RunRecord, validation: _Validation | None,
) -> None:
    out = Path(options.out)
    if init is not None and (fresh := copy_common(init, chain.predictor, chain.spec)):
        print(f'{init.source} has no {", ".join(fresh)}: trained from scratch', file=sys.stderr)
    use_device(chain, gpus[0])
    optimizer = OPTIMIZERS[options.optimizer].create(options.lr).setup(chain)
    freeze(chain.predictor, options.freeze)
    scales = parse_scales(chain.predictor, options.lr_scale)
    stop = StopRequest()

    trainer = training.Trainer(_updater(iterator, optimizer, gpus), EndOfTraining(options.epoch, stop), out=options.out)
    trainer.extend(record, trigger=each_epoch)
    trainer.extend(StopAtBadLoss(iterator, out), trigger=each_iteration)
    schedule = LearningRateSchedule(options.schedule, options.optimizer, options.lr, options.epoch, scales)
    trainer.extend(schedule, trigger=each_iteration)
    network = chain.predictor
    if options.ema is not None:
        average = MovingAverage(network, options.ema)
        trainer.extend(average, trigger=each_iteration)
        network = average.network
    _add_extensions(trainer, options, network, chain.spec, validation)
    trainer.extend(ProgressBar(len(iterator.dataset), options.epoch), trigger=each_iteration)
    trainer.extend(Snapshots(out, options.snapshot_interval, options.keep, options.snapshot_minutes, stop),
                   trigger=each_iteration)
    if options.resume:
        _resume(options, trainer, record)
    elif options.overwrite:
        for path in find_snapshots(out):
            path.unlink()
    clear_partial(out)
    record.write(out / 'run.json')
    _run(trainer, options, stop)
    network.to_device('@numpy')
    pretrained.save_model(out / 'model.npz', network, chain.spec)
