"""The data sets by their names on the command line."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.person import PersonDataset
from hourglass.errors import InputError
from hourglass.joints import JOINT_SETS, JointSet, convert_points
from hourglass.wording import counted

import numpy as np
from chainer.datasets import ConcatenatedDataset


@dataclass(frozen=True)
class DatasetEntry:
    """One data set.

    Attributes:
        title: its name for messages.
        source: class as ``module:name``, imported when it is used.
        root: default folder; ``None`` if the set needs none.
        joints: name of its joint set; ``None`` if the user's file has its own.
        fit_split: trained on by default.
        val_split: validated on by default; ``None`` if the set has no such part.
        train_split: trained on with ``--no-validation``.
        test_split: evaluated by default.
        metric: name of its score.
        threshold: largest error of a correct joint, in reference lengths.
        reference: the length that errors are divided by; empty if it is not known.
        has_protocols: whether the set can be evaluated on one person per image or on all.
        has_samples: whether the number of people can be chosen.
        is_own: whether the set is a user's file of people and images.
    """

    title: str
    source: str
    root: str | None
    joints: str | None
    fit_split: str = 'train'
    val_split: str | None = 'val'
    train_split: str = 'trainval'
    test_split: str = 'val'
    metric: str = 'PCK'
    threshold: float = 0.2
    reference: str = 'torso'
    has_protocols: bool = False
    has_samples: bool = False
    is_own: bool = False

    def load(
        self, root: str | None, split: str, joint_set: JointSet, protocol: str | None = None,
        samples: int | None = None, **own: Any,
    ) -> PersonDataset:
        """Open a split of the set with the joints wanted.

        Args:
            root: folder, the set's own by default.
            split: name of the split.
            joint_set: joints wanted.
            protocol: which people are evaluated, for a set that has protocols.
            samples: number of people, for a set that generates them.
            own: ``images``, ``joints`` and ``reference`` of :class:`data.custom.CSVDataset`, for a user's file.

        Raises:
            InputError: a folder is named for a set that has none, or the set cannot be opened.
        """
        if self.root is None and root is not None:
            raise InputError(f'--root {root}: the data set {self.title} is generated and has no folder')
        arguments: dict[str, Any] = {}
        if self.root is not None:
            arguments['root'] = root or self.root
        if self.has_protocols and protocol is not None:
            arguments['protocol'] = protocol
        if self.has_samples and samples is not None:
            arguments['n'] = samples
        if self.is_own:
            arguments.update(own)
        return self.kind()(split=split, joint_set=joint_set, **arguments)

    def kind(self) -> Any:
        """Return the set's class."""
        module, name = self.source.split(':')
        return getattr(importlib.import_module(module), name)

    def joints_of(self, root: str | None) -> JointSet:
        """Return the joints of the set; ``InputError`` if a file has to be read for that and cannot be."""
        return JOINT_SETS[self.joints] if self.joints is not None else self.kind().joints_of(root or self.root)


DATASETS = {
    'mpii': DatasetEntry(
        'MPII', 'data.mpii:MPIIDataset', 'data/MPII', 'mpii', metric='PCKh', threshold=0.5, reference='head size',
        has_protocols=True),
    'lsp': DatasetEntry(
        'LSP', 'data.lsp:LSPDataset', 'data/LSP', 'lsp', 'train-fit', 'train-val', 'train', 'test'),
    'lspet': DatasetEntry(
        'LSP Extended', 'data.lsp:LSPExtendedDataset', 'data/LSPET', 'lsp', 'train', None, 'train', 'train-val'),
    'coco': DatasetEntry(
        'COCO', 'data.coco:COCODataset', 'data/COCO', 'coco', 'train2017', 'val2017', 'train2017', 'val2017'),
    'packed': DatasetEntry('packed people', 'data.packed:PackedDataset', 'data/packed.h5', None, reference=''),
    'csv': DatasetEntry('table', 'data.custom:CSVDataset', 'data/people.csv', None, is_own=True),
    'coco-json': DatasetEntry(
        "file in COCO's format", 'data.custom:COCOFileDataset', 'data/people.json', None, is_own=True),
    'synthetic': DatasetEntry(
        'synthetic', 'data.synthetic:SyntheticDataset', None, 'mpii', train_split='train', has_samples=True),
}


def match_roots(names: Sequence[str], roots: Sequence[str] | None) -> list[str | None]:
    """Pair ``--dataset`` with ``--root``: none, or one for each data set that has a folder, in the same order."""
    if not roots:
        return [None] * len(names)
    with_root = [name for name in names if DATASETS[name].root is not None]
    if len(roots) != len(with_root):
        raise InputError(f'--root names {counted(len(roots), "folder")} for {counted(len(with_root), "data set")}; '
                         'give one for each, in the same order')
    remaining = iter(roots)
    return [next(remaining) if DATASETS[name].root is not None else None for name in names]


def load_joined(
    names: Sequence[str], roots: Sequence[str | None], joint_set: JointSet, validate: bool, samples: int | None,
    images: str | None = None,
) -> Any:
    """Open several data sets for training as one; a name may be given several times.

    Args:
        names: keys of :data:`DATASETS`.
        roots: folder of each, or ``None``.
        joint_set: joints wanted.
        validate: leave out the validation part.
        samples: number of people of a generated set.
        images: folder of the images of users' files.

    Raises:
        InputError: a set cannot be opened, or has none of the joints.
    """
    parts: dict[tuple[str, str | None], PersonDataset] = {}
    for name, root in zip(names, roots, strict=True):
        if (name, root) not in parts:
            entry = DATASETS[name]
            _check_common(name, entry.joints_of(root), joint_set)
            split = entry.fit_split if validate else entry.train_split
            parts[name, root] = entry.load(root, split, joint_set, samples=samples, images=images)
    joined = [parts[pair] for pair in zip(names, roots, strict=True)]
    return joined[0] if len(joined) == 1 else ConcatenatedDataset(*joined)


def parts_of(dataset: Any) -> list[PersonDataset]:
    """Return the data sets that :func:`load_joined` has joined."""
    return list(dataset._datasets) if isinstance(dataset, ConcatenatedDataset) else [dataset]


def _check_common(name: str, source: JointSet, wanted: JointSet) -> None:
    """Raise ``InputError`` for a set without any joint that is trained."""
    everything = np.ones(len(source), bool)
    if not convert_points(np.zeros((len(source), 2)), everything, source, wanted)[1].any():
        raise InputError(f'--dataset {name}: has none of the joints {", ".join(wanted.joints)}; the joints there are '
                         f'{", ".join(source.joints)}')


def unlabelled_joints(dataset: Any, joint_set: JointSet) -> list[str]:
    """Return the joints that no person of a training set has labelled; none for generated people."""
    parts = parts_of(dataset)
    if not all(isinstance(part.people, list) for part in parts):
        return []
    labelled = np.any([person.labelled for part in parts for person in part.people], axis=0)
    return [joint for joint, known in zip(joint_set.joints, labelled, strict=True) if not known]
