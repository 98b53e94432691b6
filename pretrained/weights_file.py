"""Weights files: .npz with Chainer's keys and a description of the network.

An entry ``meta`` (a 0-dimensional array of Unicode) holds the :class:`~hourglass.spec.ModelSpec` as JSON.  The files of
the reference (Chainer) do not have it.  Then the network and its sizes follow from the arrays, the joint set from the
number of heatmaps, and the rest from the network (pretrained/topology.py).  The network may lie anywhere in the file,
so snapshots of a trainer and of a ``TrainChain`` are weights files, too.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.foreign import MAX_BYTES, printable
from hourglass.npz import Header, NpzFile
from hourglass.parameters import is_counter, network_shapes
from hourglass.spec import ModelSpec
from hourglass.wording import counted
from pretrained.topology import ANCHORS, choose_part, infer_spec

import numpy as np

if TYPE_CHECKING:
    from chainer import Chain

# Enough for the longest table of a user's joints; four bytes a character.
_MAX_META_BYTES = 262_144
# In a snapshot of a training with --ema: the weights that it validates and saves, and where they are described.
_AVERAGE, _META_OF_AVERAGE = 'extensions/MovingAverage/network/', 'updater/model:main/meta'
# Fewer than a level of an hourglass has, for each of its residual modules in one place.
_MIN_ARRAYS_OF_LEVEL = 20


@dataclass(frozen=True)
class Model:
    """Weights: arrays, spec and source.

    Attributes:
        arrays: by their keys in a weights file (:func:`hourglass.parameters.network_shapes`): float32, and the counts
            of batches int64.
        spec: sizes, joints, preprocessing and decoding.
        source: where the weights came from, as one line for the user.
    """

    arrays: Mapping[str, np.ndarray]
    spec: ModelSpec
    source: str

    @classmethod
    def of_network(cls, network: Chain, spec: ModelSpec, source: str) -> Model:
        """Return the weights that a Chainer network has now."""
        return cls({key: np.array(value) for key, value in values_of(network).items()}, spec, source)

    @cached_property
    def network(self) -> Chain:
        """The Chainer network with these weights, on the CPU; it is made at the first use."""
        from chainer.serializers import NpzDeserializer

        network = self.spec.build_network()
        NpzDeserializer(self.arrays).load(network)
        return network


def load_model(path: str | os.PathLike[str], part: str | None = None) -> Model:
    """Read the weights of a network.

    Args:
        path: a weights file of this project or of the reference (Chainer 4 to 7), a file of
            a ``TrainChain`` or a trainer's snapshot.  Values may be of any floating type.
        part: which network, if there is more than one: the names before its keys (:func:`choose_part`).

    Returns:
        The model, in float32.

    Raises:
        InputError: the file cannot be read, is not such a file, lacks arrays or has others, or holds values that
            are not finite numbers.
    """
    path = Path(path)
    with NpzFile(path) as file:
        prefix = _find_network(file, part)
        keys = {key.removeprefix(prefix): key for key in file.keys if key.startswith(prefix)}
        keys.pop('meta', None)
        meta = _find_meta(file, prefix)
        headers = {name: file.header(key) for name, key in keys.items()}
        try:
            shapes = {name: header.shape for name, header in headers.items()}
            spec = infer_spec(shapes) if meta is None else ModelSpec.from_json(meta)
            check_arrays(spec, headers)
        except InputError as error:
            raise InputError(f'{path}: {printable(str(error), 1000)}') from None
        return Model(_read_all(spec, lambda name: file.read(keys[name]), path), spec, str(path))


def model_from_arrays(spec: ModelSpec, arrays: Mapping[str, np.ndarray], path: Path, source: str) -> Model:
    """Make a model of arrays.

    Args:
        spec: what the network is.
        arrays: by the keys of a weights file, of any floating type.
        path: where they come from, for messages.
        source: the model's.

    Raises:
        InputError: arrays are missing, of wrong shapes or not of this network, or hold values that are not finite.
    """
    try:
        check_arrays(spec, {key: Header(array.shape, array.dtype) for key, array in arrays.items()})
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    return Model(_read_all(spec, arrays.__getitem__, path), spec, source)


def _read_all(spec: ModelSpec, read: Callable[[str], np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """Read every array of a network; ``InputError`` if values are not finite numbers."""
    arrays: dict[str, np.ndarray] = {}
    not_finite: list[str] = []
    for key in network_shapes(spec):
        array = read(key)
        if is_counter(key):
            arrays[key] = array.reshape(()).astype(np.int64)
            continue
        with np.errstate(over='ignore'):
            arrays[key] = array.astype(np.float32, copy=False)
        if not np.isfinite(arrays[key]).all():
            not_finite.append(key)
    if not_finite:
        raise InputError(f'{path}: values that are not finite numbers in {_first_few(sorted(not_finite))}')
    return arrays


def save_model(path: str | os.PathLike[str], network: Chain, spec: ModelSpec, dtype: Any = np.float32) -> None:
    """Write a weights file; the same weights give the same bytes.

    Args:
        path: the file; it is replaced in one step once the new one is complete.
        network: on any device.
        spec: what the network is; its sizes are those of ``network``.
        dtype: float32, or float16 for the convolutions' weights.  All other values (2 % of the numbers) are
            float32 in any case: half precision is too coarse for small running variances.

    Raises:
        InputError: the file cannot be written, or a value is not finite in the type wanted.
        ValueError: the network does not have the sizes of ``spec``, or ``dtype`` is another.
    """
    path, dtype = Path(path), np.dtype(dtype)
    if dtype not in (np.float32, np.float16):
        raise ValueError(f'weights are stored as float32 or float16, not {dtype}')
    values = values_of(network)
    if {key: np.shape(value) for key, value in values.items()} != network_shapes(spec):
        raise ValueError('the network does not have the sizes of its specification')
    arrays = {key: _stored(key, value, dtype) for key, value in values.items()}
    if wrong := [key for key, array in arrays.items() if not np.isfinite(array).all()]:
        raise InputError(f'{path}: not written, because {dtype} cannot hold values of {_first_few(wrong)}')
    arrays['meta'] = np.array(spec.to_json())

    with atomic_write(path) as partial, zipfile.ZipFile(partial, 'w') as file:
        for key in sorted(arrays):
            # Without a date the name and the values are all that goes into the file.
            info = zipfile.ZipInfo(f'{key}.npy')
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            with file.open(info, 'w') as stream:
                np.lib.format.write_array(stream, arrays[key], allow_pickle=False)


def values_of(network: Chain) -> dict[str, Any]:
    """Return all arrays of a network by their keys in a weights file."""
    from chainer.serializers import DictionarySerializer

    serializer = DictionarySerializer()
    serializer.save(network)
    return serializer.target


def _stored(key: str, value: Any, dtype: np.dtype) -> np.ndarray:
    if is_counter(key):
        return np.array(value, np.int64)
    with np.errstate(over='ignore'):
        return np.asarray(value, dtype if key.endswith('/W') else np.float32)


def holds_half_precision(arrays: Mapping[str, np.ndarray]) -> bool:
    """Return whether nothing is lost when the convolutions of weights are stored in half precision."""
    with np.errstate(over='ignore'):
        return all(np.array_equal(value, np.asarray(value, np.float16)) for key, value in arrays.items()
                   if key.endswith('/W'))


def _first_few(items: Iterable[str]) -> str:
    items = list(items)
    rest = f' and {len(items) - 3} more' if len(items) > 3 else ''
    return ', '.join(printable(item, 100) for item in items[:3]) + rest


def _find_network(file: NpzFile, part: str | None) -> str:
    """Return the prefix of the network's keys in a file: empty, or names that end with a slash."""
    found = [key.removesuffix(anchor) for key in file.keys for anchor in ANCHORS.values()
             if f'/{key}'.endswith(f'/{anchor}')]
    if not found:
        held = f'its first entries are {_first_few(file.keys)}' if file.keys else 'it has no entries'
        raise InputError(f'{file.path}: no weights of a stacked hourglass network in it; {held}')
    # A TrainChain may hold further networks (such as a teacher); the one it trains is its predictor.
    if len(found) > 1 and part is None:
        found = ([prefix for prefix in found if prefix == _AVERAGE]
                 or [prefix for prefix in found if f'/{prefix}'.endswith('/predictor/')] or found)
    by_name = {prefix.strip('/').replace('/', '.') or '.': prefix for prefix in found}
    try:
        return by_name[choose_part(list(by_name), part)]
    except InputError as error:
        raise InputError(f'{file.path}: {error}') from None


def _find_meta(file: NpzFile, prefix: str) -> str | None:
    """Return the description, which lies beside the network's keys or one level above, if there is one."""
    above = prefix[:prefix.rstrip('/').rfind('/') + 1]
    places = [_META_OF_AVERAGE] if prefix == _AVERAGE else [f'{prefix}meta', f'{above}meta']
    key = next((key for key in places if key in file.keys), None)
    return None if key is None else file.text(key, _MAX_META_BYTES)


def check_arrays(spec: ModelSpec, headers: Mapping[str, Header]) -> None:
    """Compare names, shapes and types of arrays with those of a network, before anything is allocated.

    Raises:
        InputError: they are not those of the network, or too large to be read; the text has what was expected and
            what is there.
    """
    network = f'{spec.network} of {counted(spec.n_stack, "stack")}'
    # What a file states about itself may stand for any number of arrays, so they are not listed before.
    if _MIN_ARRAYS_OF_LEVEL * spec.n_modules * spec.n_stack * spec.layer_num > len(headers):
        raise InputError(f'{counted(len(headers), "array")} are too few for a {network} of depth {spec.layer_num}')
    shapes = network_shapes(spec)
    problems = {
        'missing': [key for key in shapes if key not in headers],
        'unexpected': [key for key in headers if key not in shapes],
        'of a wrong shape or type': [f'{key} {headers[key].shape} {headers[key].dtype} for {shape}'
                                     for key, shape in shapes.items()
                                     if key in headers and not _fits(key, headers[key], shape)],
    }
    if any(problems.values()):
        listed = '; '.join(f'{counted(len(keys), "array")} {what}: {_first_few(keys)}'
                         for what, keys in problems.items() if keys)
        raise InputError(f'does not fit a {network}, width {spec.width}, '
                         f'depth {spec.layer_num} and {counted(spec.out_channels, "joint")}; {listed}')
    if (size := 4 * sum(map(math.prod, shapes.values()))) > MAX_BYTES:
        raise InputError(f'{size:,} bytes of weights, more than the limit of {MAX_BYTES:,}')


def _fits(key: str, header: Header, shape: tuple[int, ...]) -> bool:
    if is_counter(key):
        return header.shape in ((), (1,)) and header.dtype.kind in 'iu'
    return header.shape == shape and header.dtype.kind == 'f' and header.dtype.itemsize in (2, 4, 8)
