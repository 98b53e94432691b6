from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from pretrained.pytorch import TorchFile
from pretrained.pytorch.layouts import find_state

import pytest

Message = Callable[[Path], str]
WritePickle = Callable[..., None]
MAGIC = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
SYSTEM = b'\x80\x02M\xe9\x03.' + b'\x80\x02}X\x0d\0\0\0little_endian\x88s.'
FLOATS = b'(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ'


def test_instructions_of_other_pickle_versions(path: Path, write_pickle: WritePickle) -> None:
    value = {'a': [1, 2.5, 'text', None, True, (1, 2, 3, 4), b'bytes', -3, 2 ** 40, 70000], 'b': {'c': ()}}
    for protocol in (2, 3, 4, 5):
        if protocol == 2:
            value['a'].remove(b'bytes')  # version 2 makes bytes by a call
        else:
            value['a'] = [*value['a'], b'bytes']
        write_pickle(path, pickle.dumps(value, protocol))
        with TorchFile(path) as file:
            assert file.value == value


def test_python_2_wrote_dictionaries_as_lists_and_texts_as_bytes(path: Path, write_pickle: WritePickle) -> None:
    pairs = b'](' + b'](U\x01aK\x01e' + b'](U\x01bK\x02e' + b'e'
    write_pickle(path, b'\x80\x02ccollections\nOrderedDict\n' + pairs + b'\x85R.')
    with TorchFile(path) as file:
        assert file.value == {'a': 1, 'b': 2}


def test_numbers_as_keys_become_texts(path: Path, write_pickle: WritePickle) -> None:
    write_pickle(path, pickle.dumps({0: 1, None: 2, .5: 3}, 2))
    with TorchFile(path) as file:
        assert file.value == {'0': 1, 'None': 2, '0.5': 3}


def test_attributes_of_a_dictionary_are_left_out(path: Path, write_pickle: WritePickle) -> None:
    write_pickle(path, b'\x80\x02ccollections\nOrderedDict\n)R}X\x09\0\0\0_metadata}sb.')
    with TorchFile(path) as file:
        assert file.value == {}


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_nothing_is_executed(path: Path, protocol: int, message: Message, write_pickle: WritePickle) -> None:
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
def test_bad_pickles(path: Path, data: bytes, reason: str, message: Message, write_pickle: WritePickle) -> None:
    write_pickle(path, b'\x80\x02' + data)
    assert reason in message(path)
    path.write_bytes(MAGIC + SYSTEM + b'\x80\x02' + data)
    assert reason in message(path)


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
def test_costly_pickles(path: Path, name: str, write_pickle: WritePickle) -> None:
    write_pickle(path, b'\x80\x02' + memo_bombs()[name])
    with pytest.raises(InputError) as caught, TorchFile(path) as file:
        find_state(file.value)
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 1000
