"""Join network, data, optimiser and extensions to a Chainer trainer, and run it."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pretrained
from data.augment import Augmentation
from data.sampling import EpochOrderSampler, TrainingDataset
from data.sets import DATASETS, load_joined, match_roots
from data.transform import TrainTransform
from hourglass.device import parse_gpus, use_device
from hourglass.errors import InputError
from hourglass.joints import JOINT_SETS
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from hourglass.training.evaluator import PoseEvaluator
from hourglass.training.loss import TrainChain
from hourglass.training.progress import ProgressBar
from hourglass.training.schedule import OPTIMIZERS, LearningRateSchedule

import chainer
import numpy as np
from chainer import training
from chainer.iterators import MultiprocessIterator, SerialIterator
from chainer.training import extensions


def _spec(options: argparse.Namespace) -> ModelSpec:
    joints = options.joints or DATASETS[options.dataset[0]].joints
    return ModelSpec(
        n_stack=options.stacks, width=options.width, layer_num=options.depth, joints=joints,
        out_channels=len(JOINT_SETS[joints]), input_size=(options.input_size, options.input_size), crop=options.crop)


def _check(options: argparse.Namespace) -> None:
    """Refuse numbers that make no sense before anything is read."""
    for name in ('epoch', 'batchsize', 'snapshot_interval', 'samples'):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InputError(f'--{name.replace("_", "-")} must be at least 1')
    if options.loaders < 0 or options.seed < 0:
        raise InputError('--loaders and --seed must not be negative')
    if options.lr is not None and not 0 < options.lr < float('inf'):
        raise InputError('--lr must be a positive number')


def _seed_everything(seed: int) -> None:
    # The parameters are drawn from NumPy's global generator by Chainer's initialisers.
    random.seed(seed)
    np.random.seed(seed)


def _iterator(dataset: TrainingDataset, batch_size: int, options: argparse.Namespace) -> Any:
    order_sampler = EpochOrderSampler(options.seed)
    if options.loaders == 0:
        return SerialIterator(dataset, batch_size, order_sampler=order_sampler)
    return MultiprocessIterator(dataset, batch_size, n_processes=options.loaders, order_sampler=order_sampler)


def _validation(
    options: argparse.Namespace, roots: Sequence[str | None], chain: TrainChain,
) -> PoseEvaluator | None:
    """Return the evaluator for the first data set that has something to validate on."""
    for name, root in zip(options.dataset, roots, strict=True):
        entry = DATASETS[name]
        if entry.val_split is not None and not options.no_validation:
            extra = {'samples': max(1, options.samples // 5)} if entry.has_samples and options.samples else {}
            dataset = entry.load(root, entry.val_split, chain.spec.joint_set, **extra)
            return PoseEvaluator(PosePredictor(chain.predictor, chain.spec), dataset, entry.threshold)
    return None


def _resume(path: str, trainer: training.Trainer) -> None:
    try:
        chainer.serializers.load_npz(path, trainer)
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except Exception as error:
        # NumPy and zipfile report damage with many different exceptions.
        raise InputError(f'{path}: not a snapshot of this training ({error})') from None


def _updater(iterator: Any, optimizer: Any, gpus: Sequence[int]) -> training.updaters.StandardUpdater:
    """Return the updater: on several GPUs each takes a part of the batch, and the gradients are added."""
    if len(gpus) == 1:
        return training.updaters.StandardUpdater(iterator, optimizer, device=optimizer.target.device)
    devices = {'main' if i == 0 else f'gpu {gpu}': f'@cupy:{gpu}' for i, gpu in enumerate(gpus)}
    return training.updaters.ParallelUpdater(iterator, optimizer, devices=devices)


def _batch_size(options: argparse.Namespace, n_gpus: int, n_people: int) -> int:
    batch_size = options.batchsize or (6 if n_gpus == 1 else 32)
    if batch_size > n_people:
        print(f'batches of {n_people} instead of {batch_size}: there are no more people', file=sys.stderr)
    return min(batch_size, n_people)


def train(options: argparse.Namespace) -> None:
    """Train as the command line of train.py says; the result is ``model.npz`` in ``options.out``."""
    _check(options)
    gpus = parse_gpus(options.gpu)
    _seed_everything(options.seed)
    spec = _spec(options)
    roots = match_roots(options.dataset, options.root)
    people = load_joined(options.dataset, roots, spec.joint_set, not options.no_validation, options.samples)
    dataset = TrainingDataset(people, TrainTransform(spec, Augmentation(rotation=options.rotation)), options.seed)

    chain = use_device(TrainChain(spec.build_network(), spec), gpus[0])
    entry = OPTIMIZERS[options.optimizer]
    lr = options.lr or entry.lr
    optimizer = entry.create(lr).setup(chain)
    iterator = _iterator(dataset, _batch_size(options, len(gpus), len(dataset)), options)

    trainer = training.Trainer(_updater(iterator, optimizer, gpus), (options.epoch, 'epoch'), out=options.out)
    trainer.extend(LearningRateSchedule(options.schedule, options.optimizer, lr, options.epoch))
    trainer.extend(extensions.observe_value('lr', lambda t: getattr(optimizer, entry.attribute)),
                   trigger=(1, 'epoch'))
    evaluator = _validation(options, roots, chain)
    if evaluator is not None:
        trainer.extend(evaluator)
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.snapshot(filename='snapshot_epoch_{.updater.epoch}'),
                   trigger=(options.snapshot_interval, 'epoch'))
    trainer.extend(ProgressBar(len(dataset), options.epoch))
    if options.resume:
        _resume(options.resume, trainer)
    try:
        trainer.run()
    finally:
        iterator.finalize()
    chain.to_device('@numpy')
    pretrained.save_model(Path(options.out) / 'model.npz', chain.predictor, spec)
