from __future__ import annotations

import argparse
import json
import pickle
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from pretrained.pytorch import TorchFile

import numpy as np
import pytest

Message = Callable[[Path], str]
MAGIC = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'


@pytest.fixture(params=['zip', 'legacy'])
def write(request: pytest.FixtureRequest, torch_writer: Any) -> Callable[[Path, Any], None]:
    return getattr(torch_writer, f'write_{request.param}')


def test_objects_and_tensors_come_back(path: Path, write: Callable[[Path, Any], None]) -> None:
    arrays = {
        'float': np.arange(24, dtype='f4').reshape(2, 3, 4), 'double': np.array([1.5, -2]), 'count': np.array(1000),
        'half': np.array([[.5]], 'f2'), 'bytes': np.array([0, 255], 'u1'), 'flags': np.array([True, False]),
        'nothing': np.zeros((0, 3), 'f4'),
    }
    rest = {'epoch': 3, 'best': .5, 'name': 'hourglass', 'on': True, 'none': None, 'list': [1, (2, 'x')], 'state': {}}
    write(path, {**arrays, **rest})
    with TorchFile(path) as file:
        assert {key: file.value[key] for key in rest} == rest
        assert {key: file.value[key].shape for key in arrays} == {key: a.shape for key, a in arrays.items()}
        read = file.read({key: file.value[key] for key in arrays})
    for key, array in arrays.items():
        np.testing.assert_array_equal(read[key], array)
        assert read[key].dtype == array.dtype


def test_other_byte_order(path: Path, torch_writer: Any) -> None:
    torch_writer.write_zip(path, {'a': np.arange(5, dtype='f4')}, 'big')
    with TorchFile(path) as file:
        np.testing.assert_array_equal(file.read(file.value)['a'], np.arange(5))


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_older_format_in_other_pickle_versions(path: Path, protocol: int) -> None:
    parts = (0x1950a86a20f9469cfc6c, 1001, {'little_endian': True}, {'a': 1}, [])
    path.write_bytes(b''.join(pickle.dumps(part, protocol) for part in parts))
    with TorchFile(path) as file:
        assert file.value == {'a': 1}


def test_changed_numbers_are_noticed_in_a_zip_file(path: Path, torch_writer: Any, message: Message) -> None:
    torch_writer.write_zip(path, {'a': np.arange(100, dtype='f4')})
    data = path.read_bytes()
    at = data.index(np.arange(100, dtype='f4').tobytes())
    path.write_bytes(data[:at + 8] + b'\xff' + data[at + 9:])
    assert 'CRC' in message(path)


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'empty'), (b'text', 'neither of the two formats'), (b'PK\3\4', 'only a part'), (MAGIC, 'before seeing STOP'),
    (MAGIC + b'\x80\x02K\x05.', 'unknown version of the format'),
    (MAGIC + b'\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x89s.', 'byte order'),
    (b'tensors'.ljust(257, b'\0') + b'ustar\0'.ljust(300, b'\0'), 'tar format'),
    (b'run/best.pth'.ljust(257, b'\0') + b'ustar\0'.ljust(300, b'\0'), 'a tar archive with run/best.pth in it'),
])
def test_other_content(path: Path, content: bytes, reason: str, message: Message) -> None:
    path.write_bytes(content)
    assert reason in message(path)


def test_other_zip_files(path: Path, message: Message) -> None:
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('a.npy', b'')
    assert '0 entries data.pkl' in message(path)
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('x/data.pkl', b'')
        file.writestr('x/constants.pkl', b'')
    assert 'TorchScript' in message(path)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('x/data.pkl', bytes(10000))
    assert 'compressed' in message(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / 'none.pth', tmp_path):
        with pytest.raises(InputError, match=str(path)):
            TorchFile(path)


def write_safetensors(path: Path, header: Any, data: bytes = b'') -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def test_safetensors(path: Path) -> None:
    values = np.array([1, -2.5, 0, 1e30, 3, 4], 'f4')
    data = values.tobytes() + (values.view('u4') >> 16).astype('u2').tobytes() + np.array(7).tobytes()
    write_safetensors(path, {
        '__metadata__': {'format': 'pt'}, 'a': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24]},
        'b': {'dtype': 'BF16', 'shape': [6], 'data_offsets': [24, 36]},
        'n': {'dtype': 'I64', 'shape': [], 'data_offsets': [36, 44]}}, data)
    with TorchFile(path) as file:
        assert file.title == 'safetensors'
        arrays = file.read(file.value)
    np.testing.assert_array_equal(arrays['a'], values.reshape(2, 3))
    np.testing.assert_allclose(arrays['b'], values, rtol=1 / 128)
    assert arrays['n'] == 7


@pytest.mark.parametrize(('changes', 'reason'), [
    ({'data_offsets': [0, 28]}, 'ends early'), ({'data_offsets': [4, 28]}, 'ends early'),
    ({'data_offsets': [-24, 0]}, 'ends early'), ({'data_offsets': None}, 'damaged'), ({'data_offsets': [0]}, 'damaged'),
    ({'shape': [2, -3]}, 'impossible'), ({'shape': ['2' * 10 ** 6, 10 ** 9]}, 'impossible'),
    ({'shape': [9] * 10 ** 6}, 'impossible'), ({'shape': [2 ** 30, 2 ** 30]}, 'larger|early'),
    ({'shape': 3}, 'damaged'), ({'dtype': 'F8_E4M3'}, 'a type that is not known'), ({'dtype': []}, 'damaged'),
])
def test_damaged_safetensors(path: Path, changes: dict[str, Any], reason: str, message: Message) -> None:
    write_safetensors(path, {'a': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24], **changes}}, bytes(24))
    assert re.search(reason, message(path))
    for header in (b'{"a": ' + b'[' * 200_000, b'{"a": [1]}', b'{"a": {}}', b'{"a"'):
        path.write_bytes(struct.pack('<Q', len(header)) + header)
        message(path)


@pytest.mark.parametrize('form', ['zip', 'legacy', 'safetensors'])
def test_damaged_files_are_refused_or_read(path: Path, torch_writer: Any, form: str) -> None:
    """1,000 changed files: a result or an InputError, in little memory, and nothing is imported."""
    arrays = {f'a.{i}.weight': np.arange(6, dtype='f4').reshape(2, 3) for i in range(4)}
    if form == 'safetensors':
        write_safetensors(path, {name: {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [24 * i, 24 * i + 24]}
                                 for i, name in enumerate(arrays)}, b''.join(a.tobytes() for a in arrays.values()))
    else:
        getattr(torch_writer, f'write_{form}')(path, {
            'state_dict': arrays, 'epoch': 3, 'best': np.float64(.5), 'list': [1, {2}, argparse.Namespace(a=1)]})
    code = r'''
import random, resource, sys
from pathlib import Path
from hourglass.errors import InputError
from pretrained.pytorch import TorchFile
from pretrained.pytorch.pickles import Tensor
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
path, rng, n_read = Path(sys.argv[1]), random.Random(0), 0
original = path.read_bytes()
with TorchFile(path) as file:
    file.read({k: t for k, t in file.value.items() if isinstance(t, Tensor)})
sys.addaudithook(lambda event, arguments: event in ('exec', 'compile', 'import', 'os.system', 'subprocess.Popen',
                                                    'pickle.find_class') and sys.exit(f'{event} {arguments}'))
for _ in range(1000):
    data = bytearray(original)
    for _ in range(rng.randint(1, 4)):
        at, what = rng.randrange(len(data)), rng.randrange(4)
        if what == 0:
            data[at] = rng.randrange(256)
        elif what == 1:
            del data[at:at + rng.randint(1, 40)]
        elif what == 2:
            start = rng.randrange(len(data))
            data[at:at] = data[start:start + rng.randint(1, 40)]
        else:
            data[at:at + 4] = rng.choice((b'\xff' * 4, b'\0' * 4, b'\xff' * 3 + b'\x7f', b'((((', b'tttt', b'RhRh',
                                          b'}b\x81R'))
    path.write_bytes(data)
    try:
        with TorchFile(path) as file:
            tensors = file.value.get('state_dict', file.value) if isinstance(file.value, dict) else {}
            if isinstance(tensors, dict):
                file.read({k: t for k, t in tensors.items() if isinstance(t, Tensor)})
                n_read += 1
    except InputError as error:
        assert '\n' not in str(error), error
print(n_read)
'''
    done = subprocess.run([sys.executable, '-c', code, str(path)], capture_output=True, text=True, timeout=600,
                          cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    # Some changes are to numbers or names, and most are noticed.
    assert 0 < int(done.stdout) < 800
