"""Snapshots of a training: written atomically, checked when read, found and removed."""

from __future__ import annotations

import json
import math
import re
import sys
import time
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.files import atomic_write, sync
from hourglass.interruption import StopRequest
from hourglass.npz import NpzFile
from training.triggers import each_epoch, each_iteration

import numpy as np
from chainer.backends.cuda import to_cpu
from chainer.serializer import Deserializer
from chainer.serializers import DictionarySerializer, NpzDeserializer
from chainer.training import Extension, Trainer

_NAME = re.compile(r'snapshot_(epoch|iter)_[0-9]+')
_ITERATION = 'updater/iteration'
#: Limit of a snapshot; larger zip files have another form.
MAX_BYTES = 2 ** 32 - 1
#: Most bytes of arrays for each byte of a file. Snapshots are not compressed, and a program that does so gains little,
#: since the numbers of a training are close to noise.
MAX_RATIO = 16
#: Priority of early snapshots: after the step and the moving average, before validation.
EARLY = 290
# What serialised objects raise if an entry is missing or of another kind.
_MISFIT = (KeyError, ValueError, TypeError, IndexError, RecursionError)


def write_snapshot(path: Path, trainer: Trainer) -> None:
    """Write the whole state of a trainer; even after a crash of the machine, the file is complete or absent."""
    serializer = DictionarySerializer()
    serializer.save(trainer)
    with atomic_write(path) as partial, zipfile.ZipFile(partial, 'w') as file:
        for key, value in serializer.target.items():
            with file.open(f'{key}.npy', 'w', force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asanyarray(value), allow_pickle=False)
    sync(path.parent)


def read_snapshot(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a snapshot.

    Raises:
        InputError: the file is missing, damaged (the checksum of each entry is compared), too large or no snapshot.
    """
    with NpzFile(path, MAX_BYTES) as file:
        if _ITERATION not in file.keys:
            raise InputError(f'{path}: not a snapshot of a training (no entry {_ITERATION})')
        headers = map(file.header, file.keys)
        size = sum(math.prod(header.shape) * header.dtype.itemsize for header in headers)
        if size > min(MAX_BYTES, MAX_RATIO * file.size):
            raise InputError(f'{path}: {size:,} bytes of arrays, more than the limit for a file of {file.size:,} bytes')
        return {key: file.read(key) for key in file.keys}


def load_snapshot(arrays: dict[str, np.ndarray], path: Path, trainer: Trainer) -> None:
    """Give a trainer the state that :func:`read_snapshot` returned."""
    try:
        NpzDeserializer(arrays).load(trainer)
    except _MISFIT as error:
        raise InputError(f'{path}: not a snapshot of this training ({error!r})') from None


def _iteration(path: Path) -> int:
    """Return the iteration of a snapshot, from its content and not from its name or date."""
    with NpzFile(path, MAX_BYTES) as file:
        header = file.header(_ITERATION) if _ITERATION in file.keys else None
        if header is None or header.shape != () or header.dtype.kind not in 'iu':
            raise InputError(f'{path}: not a snapshot of a training (no whole number {_ITERATION})')
        return int(file.read(_ITERATION))


def find_snapshots(folder: Path) -> list[Path]:
    """Return the snapshots in a folder, in no order."""
    return [path for path in folder.glob('snapshot_*') if _NAME.fullmatch(path.name)]


def _dated(folder: Path) -> tuple[list[tuple[int, Path]], list[str]]:
    """Return iterations and paths of the snapshots in a folder, the newest first; and the faults of others."""
    dated, damaged = [], []
    for path in find_snapshots(folder):
        try:
            dated.append((_iteration(path), path))
        except InputError as error:
            damaged.append(str(error))
    return sorted(dated, reverse=True), damaged


def find_newest(folder: Path) -> tuple[int, Path] | None:
    """Return iteration and path of the newest snapshot in a folder that is not evidently damaged."""
    dated, _ = _dated(folder)
    return dated[0] if dated else None


def read_newest(folder: Path) -> tuple[dict[str, np.ndarray], Path]:
    """Read the newest intact snapshot in a folder; report each damaged one on stderr.

    Raises:
        InputError: there is none.
    """
    dated, damaged = _dated(folder)
    arrays = None
    for _, path in dated:
        try:
            arrays = read_snapshot(path)
            break
        except InputError as error:
            damaged.append(str(error))
    if arrays is None:
        reason = f': {damaged[0]}' if damaged else ''
        raise InputError(f'{folder}: no snapshot to resume from{reason}')
    for line in damaged:
        print(f'damaged, resuming from {path.name}: {line}', file=sys.stderr)
    return arrays, path


def clear_partial(folder: Path) -> None:
    """Remove partial files of a process that was killed while writing."""
    for path in folder.glob('.partial-*'):
        path.unlink(missing_ok=True)


class Snapshots(Extension):
    """Write snapshots, and remove old ones.

    ``snapshot_epoch_N`` is written every ``interval`` epochs and kept.  ``snapshot_iter_N`` is written at the end of
    all other epochs, when none was written for ``minutes``, and when a stop is requested; ``keep`` of them are kept.

    The snapshot of an epoch is also written before its validation and reports (:meth:`write_early`), which may fail or
    be interrupted. It holds what has been observed so far, and a training that resumes from it first does the rest.

    Args:
        folder: for the files.
        interval: in epochs.
        keep: at least 1.
        minutes: longest time between snapshots.
        stop: asked after each iteration.
        is_writer: whether this process writes; of several processes one writes, and all read.

    Attributes:
        last: the snapshot that was written last.
    """

    # After all extensions that change the state in this iteration.
    priority = -1000

    def __init__(
        self, folder: Path, interval: int, keep: int, minutes: float, stop: StopRequest, is_writer: bool = True,
    ) -> None:
        self.folder, self.interval, self.keep = folder, interval, keep
        self.seconds = 60 * minutes
        self.stop = stop
        self.is_writer = is_writer
        # Of an iteration that is not complete: what was observed until its early snapshot; the priority that is next.
        self._observed: dict[str, np.ndarray] | None = None
        self._next = EARLY - 1
        self._last_time = time.monotonic()
        self._last_iteration = -1
        self.last: Path | None = None

    def extend(self, trainer: Trainer) -> None:
        """Add the snapshots to a trainer, the early ones too."""
        trainer.extend(self, trigger=each_iteration)
        # Chainer gives an extension its name as an attribute, which a method cannot have.
        trainer.extend(partial(self.write_early), 'EarlySnapshot', each_epoch, EARLY)

    def initialize(self, trainer: Trainer) -> None:
        """Do what remained of the iteration when the snapshot was written; other extensions are ready now."""
        if self._observed is None:
            return
        trainer.observation, self._observed = self._observed, None
        entries = [entry for entry in trainer._extensions.values() if entry.priority <= self._next]
        with trainer.reporter.scope(trainer.observation):
            for entry in sorted(entries, key=lambda entry: entry.priority, reverse=True):
                if entry.trigger(trainer):
                    entry.extension(trainer)

    def __call__(self, trainer: Trainer) -> None:
        if trainer.updater.is_new_epoch or self.stop.requested or time.monotonic() - self._last_time > self.seconds:
            self._write(trainer)

    def write_early(self, trainer: Trainer) -> None:
        """Write a snapshot of an iteration in which extensions below :data:`EARLY` have not run yet."""
        self._observed = {key: np.asarray(to_cpu(getattr(value, 'array', value)))
                          for key, value in trainer.observation.items()}
        try:
            self._write(trainer)
        finally:
            self._observed = None
        # The complete one is still to be written.
        self._last_iteration = -1

    def write_missing(self, trainer: Trainer) -> None:
        """Write a snapshot unless the last one is of this iteration."""
        if self._last_iteration != trainer.updater.iteration:
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if not self.is_writer:
            return
        updater = trainer.updater
        is_kept = updater.is_new_epoch and updater.epoch % self.interval == 0
        name = f'snapshot_epoch_{updater.epoch}' if is_kept else f'snapshot_iter_{updater.iteration}'
        write_snapshot(self.folder / name, trainer)
        self._last_time, self._last_iteration = time.monotonic(), trainer.updater.iteration
        rolling = {int(path.name.rpartition('_')[2]): path for path in find_snapshots(self.folder)
                   if path.name.startswith('snapshot_iter_')}
        self.last = self.folder / name
        # Snapshots of later iterations remain where a training is resumed from an older one.
        later = [number for number in rolling if number > trainer.updater.iteration]
        for number in sorted(set(rolling) - set(later))[:-self.keep] + later:
            rolling[number].unlink(missing_ok=True)

    def serialize(self, serializer: Any) -> None:
        """Keep what was observed, but not when snapshots are written, which does not change a training."""
        observed = None if self._observed is None else [
            (key, float(value), value.dtype.str) for key, value in self._observed.items()]
        stored = json.loads(str(serializer('observed', json.dumps(observed))))
        if isinstance(serializer, Deserializer):
            if stored and isinstance(stored[0], int):  # earlier versions also wrote the highest priority that is left
                self._next, stored = stored
            self._observed = None if stored is None else {
                key: np.array(value, dtype) for key, value, dtype in stored}
