from __future__ import annotations

import argparse
import collections
import datetime
import enum
import pickle
import struct
from functools import partial
from pathlib import Path, PurePosixPath

from pretrained.pytorch import read_tensors
from pretrained.pytorch.pickles import Placeholder
from tests.pretrained.pytorch.writer import FLOATS, LEGACY_HEAD, tensor_pickle, write_pickle
from tests.refusal import damage
from tests.touch import Touch

import numpy as np
import pytest

DICT = b'ccollections\nOrderedDict\n'
KEYS = b'\x80\x02](X\x01\0\0\x000e.'
message = partial(damage, read_tensors)


@pytest.mark.parametrize('protocol', [2, 4])
def test_plain_values(path: Path, protocol: int) -> None:
    value = {'a': [1, 2.5, 'text', None, True, (1, 2, 3, 4), -3, 2 ** 40, 70000], 'b': {'c': ()}}
    if protocol > 2:  # version 2 makes bytes by a call
        value['a'].append(b'bytes')
    write_pickle(path, pickle.dumps(value, protocol))
    assert read_tensors(path)[0] == value


def test_dictionaries(path: Path) -> None:
    pairs = b'](' + b'](U\x01aK\x01e' + b'](U\x01bK\x02e' + b'e'
    for data, expected in (
            (b'\x80\x02' + DICT + pairs + b'\x85R.', {'a': 1, 'b': 2}),  # Python 2: lists, and texts as bytes
            (pickle.dumps({0: 1, (0, 1): 1}, 2), {0: 1, (0, 1): 1}),
            (b'\x80\x02' + DICT + b')R}X\x09\0\0\0_metadata}sb.', {})):  # attributes
        write_pickle(path, data)
        assert read_tensors(path)[0] == expected


class Colour(enum.Enum):
    RED = 1


class State(collections.OrderedDict):
    pass


@pytest.mark.parametrize('protocol', [2, 4])
def test_other_objects_become_placeholders(path: Path, protocol: int) -> None:
    objects = [
        np.float64(.5), State(a=1), np.random.RandomState(0), argparse.Namespace(a=1), datetime.datetime.now(),
        PurePosixPath('a/b'), Colour.RED, complex(1, 2), collections.defaultdict(list, a=[1]), len, dict,
        collections.deque([1, 2]),
    ]
    write_pickle(path, pickle.dumps({'objects': objects, 'set': {Colour.RED, 1}, 'after': 'x'}, protocol))
    value, _ = read_tensors(path)
    found = value['objects']
    assert len(found) == len(objects)
    assert all(isinstance(o, Placeholder) or issubclass(o, Placeholder) for o in found)
    assert type(found[0]).__name__.endswith('multiarray.scalar')
    assert dict(found[1]) == {'a': 1}
    assert protocol < 4 or len(value['set']) == 2
    assert value['after'] == 'x'


@pytest.mark.parametrize('protocol', [2, 4])
def test_nothing_is_executed(path: Path, protocol: int) -> None:
    evidence = path.parent / 'executed'
    data = pickle.dumps({'a': Touch(evidence)}, protocol)
    write_pickle(path, data)
    legacy = path.with_suffix('.old')
    legacy.write_bytes(LEGACY_HEAD + data + b'\x80\x02].')
    for file_path in (path, legacy):
        assert isinstance(read_tensors(file_path)[0]['a'], Placeholder)
    assert not evidence.exists()
    pickle.loads(data)
    assert evidence.exists()


@pytest.mark.parametrize('data', [
    b'cos\nsystem\nX\x02\0\0\0id\x85R.', b'cbuiltins\neval\n.', b'X\x02\0\0\0osX\x06\0\0\0system\x93.',
    b'(cos\nsystem\nX\x02\0\0\0ido.', b'(X\x02\0\0\0idios\nsystem\n.', b'cos\nsystem\n)\x81.', b'cos\nsystem\n)}\x92.',
    b'cbuiltins\ngetattr\ncos\npath\nX\x06\0\0\0system\x86R)R.',  # what a call returned is called
    b'ca\nb\n)\x81}X\x09\0\0\0__class__cc\nd\nsb.', b'ca\nb\n)RX\x01\0\0\0xa.', b'ca\nb\n)R(K\x01K\x02e.',
    b'ca\nb\n)R(K\x01\x90.',
])
def test_names_are_never_looked_up(path: Path, data: bytes) -> None:
    write_pickle(path, b'\x80\x04' + data)
    value, _ = read_tensors(path)
    assert isinstance(value, Placeholder) or issubclass(value, Placeholder)


def test_nothing_of_the_reader_can_be_changed(path: Path) -> None:
    """The instruction BUILD sets attributes: by a dictionary, and by a pair with those of slots."""
    slots = b'N}X\x0c\0\0\0__setstate__K\x01s\x86b.'
    write_pickle(path, b'\x80\x02ca\nb\n' + slots)
    message(path)
    for target in (DICT, b'ctorch._utils\n_rebuild_tensor_v2\n', DICT + b')R', FLOATS):
        for state in (slots, b'}X\x04\0\0\0size' + b'M\xff\xffsb.', b'}X\x06\0\0\0_buildNsb.'):
            write_pickle(path, b'\x80\x02' + target + state, _0=bytes(24))
            read_tensors(path)
    write_pickle(path, tensor_pickle(0, (6,), (1,)).replace(b'}tRs.', b'}tR}X\x05\0\0\0shapeM\xff\xff\x85sbs.'),
                 _0=bytes(24))
    assert read_tensors(path)[0]['a'].array.shape == (6,)


@pytest.mark.parametrize('data', [
    DICT + b'K\x01\x85R.', b'ctorch\nFloatStorage\n)R.', b'ctorch._utils\n_rebuild_tensor_v2\nNNN\x87R.',
    FLOATS.replace(b'FloatStorage', b'Size') + b'.', FLOATS.replace(b'K\x06tQ', b'J\xff\xff\xff\xfftQ') + b'.',
    FLOATS.replace(b'K\x06tQ', b'K\x06(K\x01K\x04K\x04ttQ') + b'.', b'X\xff\xff\xff\x7fabc.', b'\xff',
])
def test_bad_pickles(path: Path, data: bytes) -> None:
    write_pickle(path, b'\x80\x02' + data)
    message(path)
    path.write_bytes(LEGACY_HEAD + b'\x80\x02' + data)
    message(path)


# Tensors.

def test_views_share_a_storage(path: Path) -> None:
    write_pickle(path, tensor_pickle(1, (2, 2), (1, 2)), _0=np.arange(6, dtype='f4').tobytes())
    np.testing.assert_array_equal(read_tensors(path)[0]['a'].array, [[1, 3], [2, 4]])


def test_bfloat16_is_the_upper_half_of_float32(path: Path) -> None:
    expected = np.array([1, -2.5, 0, 1e30, 3, 4], 'f4')
    raw = (expected.view('u4') >> 16).astype('u2').tobytes()
    data = tensor_pickle(0, (6,), (1,), FLOATS.replace(b'FloatStorage', b'BFloat16Storage'))
    write_pickle(path, data, _0=raw)
    np.testing.assert_allclose(read_tensors(path)[0]['a'].array, expected, rtol=1 / 128)
    path.write_bytes(LEGACY_HEAD + data + KEYS + struct.pack('<q', 6) + raw)
    np.testing.assert_allclose(read_tensors(path)[0]['a'].array, expected, rtol=1 / 128)


@pytest.mark.parametrize(('offset', 'shape', 'strides'), [
    (1, (6,), (1,)), (0, (2, 2), (5, 1)), (0, (1000000, 1000000), (0, 0)), (-1, (2,), (1,)), (0, (-1,), (1,)),
    (0, (2,), (-1,)), (0, (2, 2), (1,)), (7, (1,), (1,)),
])
def test_tensors_beyond_their_storage(
    path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...],
) -> None:
    write_pickle(path, tensor_pickle(offset, shape, strides), _0=bytes(24))
    text = message(path)
    assert 'larger than its storage' in text or 'impossible size' in text
