from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from pretrained.pytorch import TorchFile
from pretrained.pytorch.layouts import find_state
from pretrained.pytorch.tensors import Tensor

import numpy as np
import pytest

MAGIC = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
SYSTEM = b'\x80\x02M\xe9\x03.' + b'\x80\x02}X\x0d\0\0\0little_endian\x88s.'
FLOATS = b'(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ'


@pytest.fixture(params=['zip', 'legacy'])
def write(request: pytest.FixtureRequest, torch_writer: Any) -> Callable[[Path, Any], None]:
    return getattr(torch_writer, f'write_{request.param}')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'weights.pth'


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught, TorchFile(path) as file:
        file.read({key: value for key, value in file.value.items() if isinstance(value, Tensor)})
    text = str(caught.value)
    assert text.startswith(f'{path}: ')
    assert '\n' not in text
    return text


def write_pickle(path: Path, data: bytes, **storages: bytes) -> None:
    """Write a zip file around a pickle."""
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('x/data.pkl', data)
        for key, raw in storages.items():
            file.writestr(f'x/data/{key.removeprefix("_")}', raw)


def tensor_pickle(offset: int, shape: tuple[int, ...], strides: tuple[int, ...], storage: bytes = FLOATS) -> bytes:
    def numbers(values: tuple[int, ...]) -> bytes:
        return b'(' + b''.join(b'J' + struct.pack('<i', v) for v in values) + b't'

    return (b'\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n(' + storage + b'J'
            + struct.pack('<i', offset) + numbers(shape) + numbers(strides) + b'\x89}tRs.')


# What is read.

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


def test_views_share_a_storage(path: Path) -> None:
    write_pickle(path, tensor_pickle(1, (2, 2), (1, 2)), _0=np.arange(6, dtype='f4').tobytes())
    with TorchFile(path) as file:
        np.testing.assert_array_equal(file.read(file.value)['a'], [[1, 3], [2, 4]])


def test_bfloat16_is_the_upper_half_of_float32(path: Path) -> None:
    values = np.array([1, -2.5, 0, 1e30, 3, 4], 'f4').view('u4') >> 16
    storage = FLOATS.replace(b'FloatStorage', b'BFloat16Storage')
    write_pickle(path, tensor_pickle(0, (6,), (1,), storage), _0=values.astype('u2').tobytes())
    with TorchFile(path) as file:
        np.testing.assert_allclose(file.read(file.value)['a'], [1, -2.5, 0, 1e30, 3, 4], rtol=1 / 128)


def test_instructions_of_other_pickle_versions(path: Path) -> None:
    value = {'a': [1, 2.5, 'text', None, True, (1, 2, 3, 4), b'bytes', -3, 2 ** 40, 70000], 'b': {'c': ()}}
    for protocol in (2, 3, 4, 5):
        if protocol == 2:
            value['a'].remove(b'bytes')  # version 2 makes bytes by a call
        else:
            value['a'] = [*value['a'], b'bytes']
        write_pickle(path, pickle.dumps(value, protocol))
        with TorchFile(path) as file:
            assert file.value == value


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_older_format_in_other_pickle_versions(path: Path, protocol: int) -> None:
    parts = (0x1950a86a20f9469cfc6c, 1001, {'little_endian': True}, {'a': 1}, [])
    path.write_bytes(b''.join(pickle.dumps(part, protocol) for part in parts))
    with TorchFile(path) as file:
        assert file.value == {'a': 1}


def test_python_2_wrote_dictionaries_as_lists_and_texts_as_bytes(path: Path) -> None:
    pairs = b'](' + b'](U\x01aK\x01e' + b'](U\x01bK\x02e' + b'e'
    write_pickle(path, b'\x80\x02ccollections\nOrderedDict\n' + pairs + b'\x85R.')
    with TorchFile(path) as file:
        assert file.value == {'a': 1, 'b': 2}


def test_numbers_as_keys_become_texts(path: Path) -> None:
    write_pickle(path, pickle.dumps({0: 1, None: 2, .5: 3}, 2))
    with TorchFile(path) as file:
        assert file.value == {'0': 1, 'None': 2, '0.5': 3}


def test_attributes_of_a_dictionary_are_left_out(path: Path) -> None:
    write_pickle(path, b'\x80\x02ccollections\nOrderedDict\n)R}X\x09\0\0\0_metadata}sb.')
    with TorchFile(path) as file:
        assert file.value == {}


# What is refused.

class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_nothing_is_executed(path: Path, protocol: int) -> None:
    evidence = path.parent / 'executed'
    data = pickle.dumps({'a': Touch(evidence)}, protocol)
    write_pickle(path, data)
    assert 'is in it; only tensors' in message(path)
    path.write_bytes(MAGIC + SYSTEM + data)
    assert 'is in it; only tensors' in message(path)
    assert not evidence.exists()
    pickle.loads(data)
    assert evidence.exists()


@pytest.mark.parametrize(('data', 'reason'), [
    (b'cos\nsystem\nX\x02\0\0\0id\x85R.', 'os.system is in it'),
    (b'cbuiltins\neval\n.', 'builtins.eval is in it'),
    (b'ctorch.nn.modules.conv\nConv2d\n.', 'torch.nn.modules.conv.Conv2d is in it'),
    (b'cnumpy.core.multiarray\nscalar\n.', 'numpy.core.multiarray.scalar is in it'),
    (b'X\x02\0\0\0osX\x06\0\0\0system\x93.', 'os.system is in it'),
    (b'}}\x93.', 'an impossible name'),
    (b'cos\x1b[2J\nsystem\n.', r"'os\x1b[2J.system'"),
    (b'(cos\nsystem\no.', 'os.system'),
    (b'(K\x01o.', '0x6f'),
    (b'(ios\nsystem\n.', '0x69'),
    (b'K\x01K\x02\x81.', '0x81'),
    (b'ccollections\nOrderedDict\nK\x01\x85R.', 'not pairs'),
    (b'ccollections\nOrderedDict\n(' + b'N' * 9 + b'tR.', 'too many arguments'),
    (b'ctorch\nFloatStorage\n)R.', 'no function'),
    (b'K\x01)R.', 'no function'),
    (b'ctorch\nSize\nX\x01\0\0\0a\x85\x85R.', 'impossible torch.Size'),
    (b'ctorch._utils\n_rebuild_parameter\nNNN\x87R.', 'not a tensor'),
    (b'ctorch._utils\n_rebuild_tensor_v2\nNNN\x87R.', 'TypeError'),
    (b'ctorch._utils\n_rebuild_tensor\n(NNNNtR.', 'without a storage'),
    (b'(X\x06\0\0\0moduleNNNtQ.', 'pickled module'),
    (b'K\x01Q.', 'persistent'),
    (b'(X\x07\0\0\0storageK\x01K\x01K\x01K\x01tQ.', 'persistent'),
    (FLOATS.replace(b'FloatStorage', b'Size') + b'.', 'unknown type'),
    (FLOATS.replace(b'K\x06tQ', b'J\xff\xff\xff\xfftQ') + b'.', 'impossible size'),
    (FLOATS.replace(b'K\x06tQ', b'K\x06(K\x01K\x04K\x04ttQ') + b'.', 'impossible size'),
    (FLOATS + FLOATS.replace(b'Float', b'Half') + b'.', 'two types'),
    (b'X\xff\xff\xff\x7fabc.', 'ends early'),
    (b'N', 'ends early'),
    (b'.', 'IndexError'),
    (b'h\x05.', 'KeyError'),
    (b'Nr\xff\xff\xff\xff.', 'impossible number'),
    (b'K\x01K\x02s.', 'IndexError'),
    (b'}(K\x01u.', 'no dictionary'),
    (b'}K\x01a.', 'no list'),
    (b'K\x01Nb.', 'attributes'),
    (b'}}K\x01s.', 'for a key'),
    (b'}' + b'\x8a\xff' + b'\x7f' * 255 + b'Ns.', 'for a key'),
    (b'X\x01\0\0\0\xff.', 'UnicodeDecodeError'),
    (b'\x80\xff.', 'unknown version'),
    (b'(0t.', 'IndexError'),
    (b'N(0t.', 'mark above'),
])
def test_bad_pickles(path: Path, data: bytes, reason: str) -> None:
    write_pickle(path, b'\x80\x02' + data)
    assert reason in message(path)
    path.write_bytes(MAGIC + SYSTEM + b'\x80\x02' + data)
    assert reason in message(path)


@pytest.mark.parametrize(('offset', 'shape', 'strides'), [
    (0, (7,), (1,)), (1, (6,), (1,)), (0, (2, 2), (5, 1)), (0, (1000000, 1000000), (0, 0)), (0, (7,), (0,)),
    (-1, (2,), (1,)), (0, (-1,), (1,)), (0, (2,), (-1,)), (0, (2, 2), (1,)), (0, (1,) * 9, (1,) * 9),
    (7, (1,), (1,)),
])
def test_tensors_beyond_their_storage(
        path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    write_pickle(path, tensor_pickle(offset, shape, strides), _0=bytes(24))
    text = message(path)
    assert 'larger than its storage' in text or 'impossible size' in text


@pytest.mark.parametrize('raw', [bytes(20), bytes(23), b''])
def test_storages_that_are_too_short(path: Path, raw: bytes) -> None:
    write_pickle(path, tensor_pickle(0, (6,), (1,)), _0=raw)
    message(path)
    keys = b'\x80\x02](X\x01\0\0\x000e.'
    path.write_bytes(MAGIC + SYSTEM + tensor_pickle(0, (6,), (1,)) + keys + struct.pack('<q', len(raw) // 4) + raw[:20])
    message(path)


def test_missing_storage(path: Path) -> None:
    write_pickle(path, tensor_pickle(0, (6,), (1,)))
    assert 'data/0 is damaged or missing' in message(path)
    path.write_bytes(MAGIC + SYSTEM + tensor_pickle(0, (6,), (1,)) + b'\x80\x02].')
    assert 'storage 0 is missing' in message(path)


def test_changed_numbers_are_noticed_in_a_zip_file(path: Path, torch_writer: Any) -> None:
    torch_writer.write_zip(path, {'a': np.arange(100, dtype='f4')})
    data = path.read_bytes()
    at = data.index(np.arange(100, dtype='f4').tobytes())
    path.write_bytes(data[:at + 8] + b'\xff' + data[at + 9:])
    assert 'CRC' in message(path)


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'empty'), (b'text', 'neither of the two formats'), (b'PK\3\4', 'only a part'), (MAGIC, 'ends early'),
    (MAGIC + b'\x80\x02K\x05.', 'unknown version of the format'),
    (MAGIC + b'\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x89s.', 'byte order'),
    (b'tensors'.ljust(257, b'\0') + b'ustar\0'.ljust(300, b'\0'), 'tar format'),
])
def test_other_content(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    assert reason in message(path)


def test_other_zip_files(path: Path) -> None:
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


# Files made to be costly.

def memo_bombs() -> dict[str, bytes]:
    put, get = b'q\0', b'h\0'
    return {
        'deep-lists': b']' * 1_000_000 + b'a' * 999_999 + b'.',
        'deep-tuples': b')' + b'\x85' * 1_000_000 + b'.',
        'doubled-tuples': b')' + b''.join(b'q\0h\0\x86' for _ in range(1000)) + b'.',
        'doubled-tuples-as-key': b'})' + b''.join(b'q\0h\0\x86' for _ in range(1000)) + b'Ns.',
        'one-list-in-many-calls': b'](' + b'N' * 100_000 + b'e' + put + b'0'
                                  + (b'ccollections\nOrderedDict\n' + get + b'\x85R') * 1000 + b'.',
        'long-arguments': b'(' + b'N' * 100_000 + b't' + put + b'0' + (b'ctorch\nSize\n' + get + b'R') * 1000 + b'.',
        'same-dictionary-everywhere': b'}' + put + b'(' + b''.join(
            b'J' + struct.pack('<i', i) + get for i in range(20_000)) + b'u.',
        'many-instructions': b'N0' * 2_500_000 + b'.',
    }


@pytest.mark.parametrize('name', list(memo_bombs()))
def test_costly_pickles(path: Path, name: str) -> None:
    write_pickle(path, b'\x80\x02' + memo_bombs()[name])
    with pytest.raises(InputError) as caught, TorchFile(path) as file:
        find_state(file.value)
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_sizes_in_a_file_are_not_believed(path: Path) -> None:
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


@pytest.mark.parametrize('is_zip', [True, False])
def test_damaged_files_are_refused_or_read(path: Path, torch_writer: Any, is_zip: bool) -> None:
    """1,000 changed files: a result or an InputError, soon and in little memory."""
    value = {'state_dict': {f'a.{i}.weight': np.arange(6, dtype='f4').reshape(2, 3) for i in range(4)},
             'epoch': 3, 'best': .5, 'list': [1, 2, 'three']}
    (torch_writer.write_zip if is_zip else torch_writer.write_legacy)(path, value)
    code = r'''
import random, resource, sys
from pathlib import Path
from hourglass.errors import InputError
from pretrained.pytorch import TorchFile
from pretrained.pytorch.tensors import Tensor
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
path, rng, n_read = Path(sys.argv[1]), random.Random(0), 0
original = path.read_bytes()
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
            data[at:at + 4] = rng.choice((b'\xff' * 4, b'\0' * 4, b'\xff' * 3 + b'\x7f', b'((((', b'tttt', b'RhRh'))
    path.write_bytes(data)
    try:
        with TorchFile(path) as file:
            tensors = file.value.get('state_dict', {}) if isinstance(file.value, dict) else {}
            if isinstance(tensors, dict):
                file.read({k: t for k, t in tensors.items() if isinstance(t, Tensor)})
                n_read += 1
    except InputError as error:
        assert '\n' not in str(error), error
print(n_read)
'''
    done = subprocess.run([sys.executable, '-c', code, str(path)], capture_output=True, text=True, timeout=100,
                          cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    # Some changes are to numbers or names, and most are noticed.
    assert 0 < int(done.stdout) < 700
