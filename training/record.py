"""The record of a training: settings, versions and a hash of the data, in ``run.json`` and in every snapshot."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from data.sets import parts_of
from hourglass.config import convert_option, flag_of
from hourglass.errors import InputError
from hourglass.results import write_json
from hourglass.spec import ModelSpec
from hourglass.wording import counted
from training.config import DECISIVE, OF_PROCESS, TrainConfig

import numpy as np
from chainer.training import Extension, Trainer

_PACKAGES = ('chainer', 'chainercv', 'numpy', 'scipy', 'opencv-python', 'h5py', 'cupy-cuda12x', 'cupy-cuda13x')
#: People, evenly spread, whose annotations are hashed where they are computed on request.
_HASHED_PEOPLE = 100
_KEY = 'extensions/RunRecord/run'


def hash_people(dataset: Any) -> str:
    """Return a hash of the people of a data set: their number, and image, joints and crop of each."""
    digest = hashlib.sha256()
    for part in parts_of(dataset):
        digest.update(f'{part.name} {len(part)}'.encode())
        count = len(part) if isinstance(part.people, list) else min(len(part), _HASHED_PEOPLE)
        for i in np.linspace(0, len(part) - 1, count).astype(int):
            person = part.people[int(i)]
            digest.update(person.image.encode())
            digest.update(np.where(person.labelled[:, None], person.points, 0).astype('<f4').tobytes())
            digest.update(np.array(person.location, '<f4').tobytes())
    return digest.hexdigest()[:32]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that a result depends on."""
    found = {'python': platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _shown(value: Any) -> str:
    """Return a value of a specification for a message; a table of joints would be too long."""
    return f'the table {value.get("name")} with {value.get("joints")}'[:200] if isinstance(value, dict) else str(value)


def _batch(batch_size: int, n_ranks: int) -> str:
    """Return a batch size for a message."""
    return str(batch_size) if n_ranks == 1 else f'{n_ranks} times {batch_size}'


class RunRecord(Extension):
    """Keep the record of a training in its snapshots.

    Args:
        config: the settings, all resolved.
        spec: the network.
        dataset: the training set.
        n_ranks: number of processes that share a batch.
    """

    name = 'RunRecord'

    def __init__(self, config: TrainConfig, spec: ModelSpec, dataset: Any, n_ranks: int = 1) -> None:
        self.options = {key: value for key, value in sorted(asdict(config).items()) if key not in OF_PROCESS}
        self.spec = json.loads(spec.to_json())
        self.data = hash_people(dataset)
        self.n_ranks = n_ranks

    def __call__(self, trainer: Trainer) -> None:
        """Do nothing; the record is written by :meth:`serialize`."""

    def serialize(self, serializer: Any) -> None:
        decisive = {key: self.options[key] for key in (*DECISIVE, 'epochs')}
        serializer('run', json.dumps({
            'options': decisive, 'spec': self.spec, 'data': self.data, 'processes': self.n_ranks}))

    def write(self, path: Path) -> None:
        """Write ``run.json``, which ``--config`` takes."""
        write_json(path, {'options': self.options, 'network': self.spec, 'data': self.data,
                          'processes': self.n_ranks, 'versions': versions()})

    def check(self, arrays: dict[str, np.ndarray], path: Path) -> None:
        """Check that a snapshot is of this training.

        Raises:
            InputError: it is of another training; the text names the differences.
        """
        try:
            stored = json.loads(str(arrays[_KEY]))
            options, spec, data = stored['options'], stored['spec'], stored['data']
            # An option that is newer than the snapshot had its default.
            before = {key: convert_option(entry, options.get(key, entry.default)) for key, entry in DECISIVE.items()}
            differing = [f'{flag_of(entry)} was {before[key]}, not {self.options[key]}'
                         for key, entry in DECISIVE.items() if key != 'batchsize' and before[key] != self.options[key]]
            n_ranks, batch = int(stored['processes']), int(options['batchsize'])
            if n_ranks * batch != self.n_ranks * self.options['batchsize']:
                differing.append(f'--batchsize was {_batch(batch, n_ranks)}, not '
                                 f'{_batch(self.options["batchsize"], self.n_ranks)}')
            differing += [f'{key} was {_shown(spec.get(key))}, not {_shown(value)}' for key, value in self.spec.items()
                          if spec.get(key) != value]
            if not differing and data != self.data:
                differing = ['the data differ']
            epoch = int(options['epochs'])
        except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(f'{path}: a snapshot whose record of its training cannot be read') from None
        if differing:
            raise InputError(f'{path}: a snapshot of another training: {"; ".join(differing)}')
        if n_ranks != self.n_ranks:
            print(f'each batch was divided among {counted(n_ranks, "process", "processes")}, now among {self.n_ranks}; '
                  'batch normalisation uses other parts of it', file=sys.stderr)
        if epoch != self.options['epochs']:
            print(f'the training had {counted(epoch, "epoch")} and now has {self.options["epochs"]}; the learning rate '
                  'follows the new length', file=sys.stderr)
