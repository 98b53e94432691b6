"""Writing HDF5 files whole or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hourglass.files import atomic_write

import h5py


class _Sink(io.FileIO):
    """A file for h5py that keeps the first error of the disk and takes everything after it without writing.

    The HDF5 library crashes the process where a file cannot be written, so it never sees that.
    """

    failure: OSError | None = None

    def write(self, content: bytes) -> int:  # type: ignore[override]
        view = memoryview(content).cast('B')
        done = 0
        try:
            while self.failure is None and done < len(view):
                done += super().write(view[done:]) or 0
        except OSError as error:
            self.failure = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0

    def check(self) -> None:
        """Raise ``OSError`` if something could not be written."""
        if self.failure is not None:
            raise self.failure


class HDF5Writer(h5py.File):
    """An HDF5 file that is being written; :meth:`check` reports a full disk while there is still much to do."""

    def __init__(self, sink: _Sink) -> None:
        super().__init__(sink, 'w')
        self._sink = sink

    def check(self) -> None:
        """Raise ``OSError`` if something could not be written."""
        self._sink.check()


@contextmanager
def write_hdf5(path: str | os.PathLike) -> Iterator[HDF5Writer]:
    """Open an HDF5 file for writing; it appears whole when the block ends (:func:`hourglass.files.atomic_write`).

    Raises:
        InputError: it cannot be written.
    """
    with atomic_write(Path(path)) as partial, _Sink(partial, 'w+') as sink:
        try:
            with HDF5Writer(sink) as file:
                yield file
        except Exception:
            sink.check()  # what h5py makes of a file that has lost a part
            raise
        sink.check()
