from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from pretrained.pytorch import TorchFile

import numpy as np
import pytest

Message = Callable[[Path], str]
WritePickle = Callable[..., None]
MAGIC = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
SYSTEM = b'\x80\x02M\xe9\x03.' + b'\x80\x02}X\x0d\0\0\0little_endian\x88s.'
FLOATS = b'(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ'


def tensor_pickle(offset: int, shape: tuple[int, ...], strides: tuple[int, ...], storage: bytes = FLOATS) -> bytes:
    def numbers(values: tuple[int, ...]) -> bytes:
        return b'(' + b''.join(b'J' + struct.pack('<i', v) for v in values) + b't'

    return (b'\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n(' + storage + b'J'
            + struct.pack('<i', offset) + numbers(shape) + numbers(strides) + b'\x89}tRs.')


def test_views_share_a_storage(path: Path, write_pickle: WritePickle) -> None:
    write_pickle(path, tensor_pickle(1, (2, 2), (1, 2)), _0=np.arange(6, dtype='f4').tobytes())
    with TorchFile(path) as file:
        np.testing.assert_array_equal(file.read(file.value)['a'], [[1, 3], [2, 4]])


def test_bfloat16_is_the_upper_half_of_float32(path: Path, write_pickle: WritePickle) -> None:
    values = np.array([1, -2.5, 0, 1e30, 3, 4], 'f4').view('u4') >> 16
    storage = FLOATS.replace(b'FloatStorage', b'BFloat16Storage')
    write_pickle(path, tensor_pickle(0, (6,), (1,), storage), _0=values.astype('u2').tobytes())
    with TorchFile(path) as file:
        np.testing.assert_allclose(file.read(file.value)['a'], [1, -2.5, 0, 1e30, 3, 4], rtol=1 / 128)


@pytest.mark.parametrize(('offset', 'shape', 'strides'), [
    (0, (7,), (1,)), (1, (6,), (1,)), (0, (2, 2), (5, 1)), (0, (1000000, 1000000), (0, 0)), (0, (7,), (0,)),
    (-1, (2,), (1,)), (0, (-1,), (1,)), (0, (2,), (-1,)), (0, (2, 2), (1,)), (0, (1,) * 9, (1,) * 9),
    (7, (1,), (1,)),
])
def test_tensors_beyond_their_storage(
    path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], message: Message,
    write_pickle: WritePickle,
) -> None:
    write_pickle(path, tensor_pickle(offset, shape, strides), _0=bytes(24))
    text = message(path)
    assert 'larger than its storage' in text or 'impossible size' in text


@pytest.mark.parametrize('raw', [bytes(20), bytes(23), b''])
def test_storages_that_are_too_short(path: Path, raw: bytes, message: Message, write_pickle: WritePickle) -> None:
    write_pickle(path, tensor_pickle(0, (6,), (1,)), _0=raw)
    message(path)
    keys = b'\x80\x02](X\x01\0\0\x000e.'
    path.write_bytes(MAGIC + SYSTEM + tensor_pickle(0, (6,), (1,)) + keys + struct.pack('<q', len(raw) // 4) + raw[:20])
    message(path)


def test_missing_storage(path: Path, message: Message, write_pickle: WritePickle) -> None:
    write_pickle(path, tensor_pickle(0, (6,), (1,)))
    assert 'data/0 is damaged or missing' in message(path)
    path.write_bytes(MAGIC + SYSTEM + tensor_pickle(0, (6,), (1,)) + b'\x80\x02].')
    assert 'storage 0 is missing' in message(path)


def test_sizes_in_a_file_are_not_believed(path: Path, message: Message) -> None:
    huge = FLOATS.replace(b'K\x06tQ', b'\x8a\x05' + (2 ** 38).to_bytes(5, 'little') + b'tQ')
    keys = b'\x80\x02](X\x01\0\0\x000e.'
    for content in (MAGIC + SYSTEM + tensor_pickle(0, (6,), (1,), huge) + keys + struct.pack('<q', 2 ** 38),
                    MAGIC + SYSTEM + b'\x80\x02X\xff\xff\xff\xff.', MAGIC + SYSTEM + b'\x80\x02B\xff\xff\xff\xff.'):
        path.write_bytes(content)
        tracemalloc.start()
        message(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1e6
