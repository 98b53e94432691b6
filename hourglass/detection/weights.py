"""Weights files of ChainerCV's detectors: found or downloaded, checked, and read without running anything in them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

from hourglass import download
from hourglass.download import Source
from hourglass.errors import InputError
from hourglass.foreign import printable
from hourglass.npz import NpzFile

import chainer
import chainer.links as L
import numpy as np
from chainer.serializers import DictionarySerializer

_MAX_BYTES = 512 * 1024 ** 2
#: The shape of an array; None for a length that the network does not know before it has weights.
Shape = tuple[int | None, ...]


def _shapes(network: chainer.Chain) -> dict[str, Shape]:
    """Return the shapes of the arrays that a file must have; counts of batches, which say nothing, may be missing."""
    serializer = DictionarySerializer()
    serializer.save(network)
    shapes: dict[str, Shape] = {key: np.shape(array) for key, array in serializer.target.items()
                                if not key.endswith('/N')}
    for name, link in network.namedlinks():
        if isinstance(link, (L.Convolution2D, L.DilatedConvolution2D)) and link.W.array is None:
            size = link.ksize if isinstance(link.ksize, tuple) else (link.ksize, link.ksize)
            shapes[f'{name}/W'.lstrip('/')] = (link.out_channels, None, *size)
    return shapes


def _fits(shape: tuple[int, ...], expected: Shape) -> bool:
    return len(shape) == len(expected) and all(m in (n, None) for n, m in zip(shape, expected, strict=True))


def _check_headers(file: NpzFile, shapes: dict[str, Shape], n_values: int) -> None:
    """Compare names, shapes and types with the network's before an array is read."""
    keys, count = set(file.keys), 0
    for key, shape in shapes.items():
        if key not in keys:
            raise InputError(f'{file.path}: not the weights of this detector, for it has no {printable(key)}')
        header = file.header(key)
        if not _fits(header.shape, shape) or header.dtype.kind != 'f':
            raise InputError(f'{file.path}: not the weights of this detector, for its {printable(key)} is '
                             f'{header.dtype} {header.shape} and not a float of {shape}')
        count += math.prod(header.shape)
    if count != n_values:
        raise InputError(f'{file.path}: not the weights of this detector, for it has {count:,} numbers and not '
                         f'{n_values:,}')


def read_arrays(network: chainer.Chain, n_values: int, path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a network from an .npz file with Chainer's keys.

    Args:
        network: as it is before its first use.
        n_values: how many numbers its weights are, counts of batches left out.
        path: the file.

    Raises:
        InputError: the file cannot be read, is for another network, or holds values that are not finite.
    """
    shapes = _shapes(network)
    arrays = {}
    with NpzFile(path) as file:
        _check_headers(file, shapes, n_values)
        for key in shapes:
            arrays[key] = file.read(key).astype(np.float32)
            if not np.isfinite(arrays[key]).all():
                raise InputError(f'{path}: values that are not finite numbers in {printable(key)}')
    return arrays


def _chainercv_copy(name: str) -> Path:
    """Return where ChainerCV itself keeps a file that it has downloaded."""
    root = os.environ.get('CHAINER_DATASET_ROOT', os.path.join('~', '.chainer', 'dataset'))
    return Path(os.path.expanduser(root)) / 'pfnet' / 'chainercv' / 'models' / name


def locate(
    name: str, url: str, check: Callable[[Path], object], connect_seconds: float, wait_seconds: float,
) -> Path:
    """Return a weights file from the cache folder, from ChainerCV's own, or else by downloading it.

    Args:
        name: the file's name.
        url: where to download it.
        check: raises ``InputError`` if a path is not the file wanted.
        connect_seconds: time to reach the server.
        wait_seconds: time to wait for another process that downloads the same.

    Raises:
        InputError: it could not be downloaded.
    """
    copy = _chainercv_copy(name)
    if not (download.cache_folder() / name).exists() and copy.is_file():
        try:
            check(copy)
            return copy
        except InputError:
            pass  # ChainerCV's download may have been interrupted; this one starts anew
    return download.fetch(name, (Source('ChainerCV', 'https', url),), check, _MAX_BYTES,
                          connect_seconds=connect_seconds, wait_seconds=wait_seconds)
