from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from pretrained.pytorch import read_tensors
from tests.pretrained.pytorch.writer import TorchWriter, write_safetensors
from tests.refusal import damage

import numpy as np
import pytest

MAGIC = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
message = partial(damage, read_tensors)


@pytest.mark.parametrize('form', ['zip', 'legacy'])
def test_objects_and_tensors_come_back(path: Path, form: str) -> None:
    arrays = {
        'float': np.arange(24, dtype='f4').reshape(2, 3, 4), 'double': np.array([1.5, -2]), 'count': np.array(1000),
        'half': np.array([[.5]], 'f2'), 'bytes': np.array([0, 255], 'u1'), 'flags': np.array([True, False]),
        'nothing': np.zeros((0, 3), 'f4'),
    }
    rest = {'epoch': 3, 'best': .5, 'name': 'hourglass', 'on': True, 'none': None, 'list': [1, (2, 'x')], 'state': {}}
    getattr(TorchWriter, f'write_{form}')(path, {**arrays, **rest})
    value, _ = read_tensors(path)
    assert {key: value[key] for key in rest} == rest
    for key, array in arrays.items():
        np.testing.assert_array_equal(value[key].array, array)
        assert value[key].array.dtype == array.dtype


def test_other_byte_order(path: Path) -> None:
    TorchWriter.write_zip(path, {'a': np.arange(5, dtype='f4')}, 'big')
    np.testing.assert_array_equal(read_tensors(path)[0]['a'].array, np.arange(5))


def test_changed_numbers_are_noticed_in_a_zip_file(path: Path) -> None:
    numbers = np.arange(100, dtype='f4')
    TorchWriter.write_zip(path, {'a': numbers})
    path.write_bytes(path.read_bytes().replace(numbers.tobytes(), (numbers + 1).tobytes()))
    assert 'CRC' in message(path)


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'empty'), (b'PK\3\4', 'only a part'), (MAGIC, 'Ran out of input'),
    (MAGIC + b'\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x89s.', 'byte order'),
])
def test_other_content(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    assert reason in message(path)


def test_safetensors(path: Path) -> None:
    values = np.array([1, -2.5, 0, 1e30, 3, 4], 'f4')
    data = values.tobytes() + (values.view('u4') >> 16).astype('u2').tobytes() + np.array(7).tobytes()
    write_safetensors(path, {
        '__metadata__': {'format': 'pt'}, 'a': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24]},
        'b': {'dtype': 'BF16', 'shape': [6], 'data_offsets': [24, 36]},
        'n': {'dtype': 'I64', 'shape': [], 'data_offsets': [36, 44]}}, data)
    tensors, title = read_tensors(path)
    assert title == 'safetensors'
    np.testing.assert_array_equal(tensors['a'].array, values.reshape(2, 3))
    np.testing.assert_allclose(tensors['b'].array, values, rtol=1 / 128)
    assert tensors['n'].array == 7


@pytest.mark.parametrize('changes', [
    {'data_offsets': [0, 20]}, {'data_offsets': [4, 28]}, {'data_offsets': None}, {'data_offsets': [0]},
    {'shape': [2 ** 30, 2 ** 30]}, {'shape': 3}, {'dtype': 'F8_E4M3'}, {'dtype': []},
])
def test_damaged_safetensors(path: Path, changes: dict[str, Any]) -> None:
    write_safetensors(path, {'a': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24], **changes}}, bytes(24))
    message(path)
