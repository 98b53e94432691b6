"""Read and check the inputs of a training, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pretrained
from data.person import EmptySplitError, PersonDataset
from data.pictures import check_image_files
from data.sets import DATASETS, load_joined, match_roots, parts_of, unlabelled_joints
from hourglass.device import parse_gpus
from hourglass.engine.base import cpus
from hourglass.errors import InputError
from hourglass.joint_table import read_joint_set
from hourglass.spec import CROP_ENTRIES, ModelSpec
from hourglass.wording import counted
from pretrained.weights_file import Model
from training.config import NEWEST, TrainConfig
from training.distributed import Communicator
from training.finetune import make_spec
from training.loss import HeatmapLoss, parse_joint_weights
from training.snapshot import find_newest, find_snapshots


class Validation(NamedTuple):
    """The validation set, the largest error of a correct joint in reference lengths, and the name of the score."""

    dataset: PersonDataset
    threshold: float
    metric: str

    @property
    def title(self) -> str:
        """The score with its threshold, such as ``PCKh@0.5``."""
        return f'{self.metric}@{self.threshold:g}'


@dataclass
class Inputs:
    """The inputs of a training: everything that the settings name.

    Attributes:
        gpus: numbers of the GPUs, or -1 for the CPU.
        init: weights to begin with.
        spec: the network.
        loss: what is minimised.
        people: the training set.
        validation: the validation set, or ``None``.
    """

    gpus: list[int]
    init: Model | None
    spec: ModelSpec
    loss: HeatmapLoss
    people: Any
    validation: Validation | None


def read_inputs(config: TrainConfig, check_images: bool, warn: Callable[[str], object]) -> Inputs:
    """Read what the settings name.

    Args:
        config: the settings.
        check_images: whether to check that all images exist.
        warn: called with a warning.

    Raises:
        InputError: something is wrong with a setting or a file.
    """
    _check_folder(config)
    gpus = parse_gpus(config.gpu)
    init = _load_init(config)
    roots = match_roots(config.dataset, config.root)
    joint_set = read_joint_set(config.joints) if config.joints else DATASETS[config.dataset[0]].joints_of(roots[0])
    spec = make_spec(config, init, joint_set)
    if config.ohkm is not None and config.ohkm > len(joint_set):
        raise InputError(f'--ohkm {config.ohkm}: the network has {len(joint_set)} joints')
    loss = HeatmapLoss(config.loss, parse_joint_weights(config.joint_weights, spec.joint_set), config.ohkm)
    people = load_joined(config.dataset, roots, spec.joint_set, config.validation, config.samples, config.images)
    if unlabelled := unlabelled_joints(people, spec.joint_set):
        if len(unlabelled) == len(spec.joint_set):
            raise InputError(f'no person of the training set has any of these joints: {", ".join(unlabelled)}')
        warn(f'no person has labels of these joints, so they are not trained: {", ".join(unlabelled)}')
    validation = _open_validation(config, roots, spec.joint_set)
    if config.validation and validation is None:
        warn('the data sets have no validation people: no score is reported, and there will be no best.npz')
    if config.calibrate and validation is None:
        raise InputError('--calibrate needs validation people, and there are none')
    if check_images:
        # Each set once, even if it is named several times.
        for part in dict.fromkeys(parts_of(people)):
            check_image_files(part)
        if validation is not None:
            check_image_files(validation.dataset)
    return Inputs(gpus, init, spec, loss, people, validation)


def _load_init(config: TrainConfig) -> Model | None:
    """Return the initial weights; of a training that is resumed those of its snapshot, as their file may be gone."""
    if config.init is None:
        return None
    source: Any = config.resume
    if source == NEWEST:
        _, source = find_newest(Path(config.out)) or (0, None)
    with suppress(InputError):  # what is wrong with a snapshot is reported when all of it is read
        if source is not None:
            return pretrained.load(str(source))
    return pretrained.load(config.init)


def comes_from_elsewhere(config: TrainConfig) -> bool:
    """Whether the snapshots in the folder for the results are of another training."""
    if config.resume is None:
        return True
    return config.resume != NEWEST and Path(config.resume).parent.resolve() != Path(config.out).resolve()


def _check_folder(config: TrainConfig) -> None:
    """Refuse to mix two trainings in one folder, because --resume could not distinguish them.

    A training that is resumed from a snapshot in another folder would mix them, too: snapshots of later iterations in
    this folder would be removed as if they were of the same training.
    """
    if comes_from_elsewhere(config) and not config.overwrite and find_snapshots(Path(config.out)):
        other = 'an earlier' if config.resume is None else 'another'
        raise InputError(f'{config.out}: holds snapshots of {other} training; --resume continues it, --out chooses '
                         'another folder, --overwrite removes them')


def _open_validation(config: TrainConfig, roots: Sequence[str | None], joint_set: Any) -> Validation | None:
    """Return the validation part of the first data set that has one.

    Raises:
        InputError: all validation parts are empty, or a set cannot be opened.
    """
    empty = []
    for name, root in zip(config.dataset, roots, strict=True):
        entry = DATASETS[name]
        if entry.val_split is not None and config.validation:
            samples = max(1, config.samples // 5) if config.samples else None
            try:
                dataset = entry.load(root, entry.val_split, joint_set, samples=samples, images=config.images)
            except EmptySplitError as error:
                empty.append(str(error))
                continue
            return Validation(dataset, getattr(dataset, 'threshold', entry.threshold), entry.metric)
    if empty:
        raise InputError(f'{empty[0]}; --no-validation trains without a score')
    return None


def batch_size(config: TrainConfig, n_gpus: int, n_people: int, comm: Communicator) -> int:
    """Return the number of people that each process takes in a step.

    Args:
        config: may give the number.
        n_gpus: GPUs of this process.
        n_people: in the training set.
        comm: the processes.

    Raises:
        InputError: there are more processes than people, or more GPUs than people in a step.
    """
    default = 32 if n_gpus > 1 else 16 if comm.size > 1 else 6
    wanted, most = config.batchsize or default, n_people // comm.size
    if most < 1:
        raise InputError(f'{counted(n_people, "person", "people")} to train on are too few for {comm.size} processes')
    if wanted > most:
        comm.print_rank0(f'batches of {most} instead of {wanted}: the training set has no more people')
    if min(wanted, most) < n_gpus:
        raise InputError(f'batches of {min(wanted, most)} are too small for {n_gpus} GPUs')
    return min(wanted, most)


def default_loaders(on_gpu: bool, comm: Communicator) -> int:
    """Return the number of processes that prepare samples for this one: on a GPU, they share the other CPU cores."""
    if not on_gpu or not hasattr(os, 'fork'):
        return 0
    return max(0, min(cpus() // comm.local_size - 1, 16))


def resolve(config: TrainConfig, inputs: Inputs, comm: Communicator) -> TrainConfig:
    """Return the settings with all open ones filled in."""
    spec = inputs.spec
    is_square = spec.input_size[0] == spec.input_size[1]
    return replace(
        config, batchsize=batch_size(config, len(inputs.gpus), len(inputs.people), comm),
        stacks=spec.n_stack, width=spec.width, depth=spec.layer_num, decoding=spec.decoding,
        align_corners=spec.align_corners, **{name: getattr(spec, name) for name in CROP_ENTRIES},
        # The setting stands for a square; other sizes come from init, also when the training is repeated.
        input_size=spec.input_size[0] if is_square else config.input_size,
        joints=spec.joints if isinstance(spec.joints, str) else config.joints,
        lr=config.learning_rate,
        loaders=default_loaders(inputs.gpus[0] >= 0, comm) if config.loaders is None else config.loaders)
