"""Reading Torch7 streams, sound and broken; tests/fuzz damages files at random."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pretrained.torch7 import read_t7
from pretrained.torch7.reader import Table, TorchObject
from tests.pretrained.torch7 import writer as t7
from tests.refusal import damage

import numpy as np
import pytest


def i(*values: int) -> bytes:
    return struct.pack(f'<{len(values)}i', *values)


def q(*values: int) -> bytes:
    return struct.pack(f'<{len(values)}q', *values)


def name(text: str) -> bytes:
    return i(3) + b'V 1' + i(len(text)) + text.encode()


FLOAT_TENSOR, FLOAT_STORAGE = name('torch.FloatTensor'), name('torch.FloatStorage')


def message(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    return damage(read_t7, path)


@pytest.fixture(params=[False, True], ids=['binary', 'ascii'])
def load(request: pytest.FixtureRequest, path: Path) -> Callable[[Any], Any]:
    """Write a value and read it back, in both encodings."""
    def load(value: Any) -> Any:
        path.write_bytes(t7.dump(value, request.param))
        return read_t7(path)

    return load


@pytest.mark.parametrize('value', [
    None, True, -1.5, 1e300, '', 'two\nlines \n', '\u00e9', '\udcff\n',
], ids=repr)
def test_plain_values(load: Callable[[Any], Any], value: Any) -> None:
    found = load(value)
    assert found == value
    assert type(found) is type(value)


def test_tables(load: Callable[[Any], Any]) -> None:
    key, tensor = {'name': 'key'}, t7.Tensor(np.ones(2, 'f'))
    table = load(t7.Table([(1, 'a'), (True, 'true'), ('x', key), (2, 'b'), (key, 'by table'), (4, 'apart'),
                           (tensor, 'by tensor'), (0.5, tensor)]))
    assert table.array() == ['a', 'b']
    assert set(table) == {1, 2, 4, .5, 'x'}  # other keys are not needed
    assert table[4] == 'apart'
    assert table['x'] == key


def test_cyclic_graph(load: Callable[[Any], Any]) -> None:
    node: dict[Any, Any] = {'id': 3}
    obj = t7.Obj('nngraph.Node', {'data': node})
    node['self'], node['owner'] = node, obj
    found = load([node, obj]).array()
    assert found[0]['self'] is found[0]
    assert found[0]['owner'] is found[1]
    assert isinstance(found[1], TorchObject)
    assert found[1].class_name == 'nngraph.Node'
    assert found[1].fields['data'] is found[0]


@pytest.mark.parametrize('prefix', ['', 'Cuda'])
@pytest.mark.parametrize('dtype', ['u1', 'i8', 'f2', 'f4'])
def test_tensors_of_all_types(load: Callable[[Any], Any], dtype: str, prefix: str) -> None:
    values = np.array([[1, 2, 3], [10, 13, 32]], dtype)
    found = load([t7.Tensor(values, prefix=prefix), t7.Storage(values, prefix)]).array()
    assert found[0].dtype == found[1].dtype == values.dtype
    np.testing.assert_array_equal(found[0], values)
    np.testing.assert_array_equal(found[1], values.ravel())
    assert not found[0].flags.writeable


def test_views_share_their_storage(load: Callable[[Any], Any]) -> None:
    storage = t7.Storage(np.arange(20, dtype='f'))
    first, transposed, expanded, same = load([
        t7.Tensor(storage=storage, shape=(2, 3), strides=(3, 1), offset=5),
        t7.Tensor(storage=storage, shape=(3, 2), strides=(1, 3), offset=5),
        t7.Tensor(storage=storage, shape=(4, 2), strides=(0, 1), offset=19),
        storage,
    ]).array()
    np.testing.assert_array_equal(first, [[4, 5, 6], [7, 8, 9]])
    np.testing.assert_array_equal(transposed, first.T)
    np.testing.assert_array_equal(expanded, [[18, 19]] * 4)
    assert np.shares_memory(first, same)


def test_stride_of_a_single_entry_means_nothing(load: Callable[[Any], Any]) -> None:
    storage = t7.Storage(np.arange(3, dtype='f'))
    found = load(t7.Tensor(storage=storage, shape=(1, 3, 1), strides=(10 ** 12, 1, -5)))
    np.testing.assert_array_equal(found, [[[0], [1], [2]]])


def test_empty_tensors_and_storages(load: Callable[[Any], Any]) -> None:
    found = load([t7.Tensor(), t7.Tensor(kind='CudaLong'), t7.Tensor(storage=t7.Storage(np.zeros(0, 'f'))),
                  t7.Storage(np.zeros(0, 'i8')), 'end']).array()
    assert [a.dtype.name for a in found[:4]] == ['float32', 'int64', 'float32', 'int64']
    assert all(a.shape == (0,) for a in found[:4])
    assert found[4] == 'end'


def test_functions_are_left_out(load: Callable[[Any], Any]) -> None:
    closure = t7.Function(8, b'\x1bLJ code' * 20000, [{'name': '_ENV'}])
    found = load([t7.Function(6, b'x' * 3, {'a': 1}), closure, closure, t7.Function(7, b'', None), 'end'])
    assert found == {5: 'end'}


def test_deep_nesting(path: Path) -> None:
    """20,000 tables in one another, far more than Python's stack holds."""
    depth = 20_000
    content = b''.join(i(3, n, 1, 1) + struct.pack('<d', 1) for n in range(1, depth + 1))
    path.write_bytes(content + i(2, 3) + b'end')
    value, levels = read_t7(path), 0
    while isinstance(value, Table):
        value, levels = value.get(1), levels + 1
    assert (value, levels) == ('end', depth)


def test_ascii_as_torch_writes_it(path: Path) -> None:
    """With and without an empty line for an empty array, a trailing space, and no end of the last line."""
    for size in ('0\n', '0\n\n', '0\n\n\n'):
        text = '3\n1\n2\n1\n1\n4\n2\n3\nV 1\n18\ntorch.FloatStorage\n' + size + '1\n2\n4\n3\nV 1\n'
        text = text.replace('4\n3\nV 1\n', '4\n3\n3\nV 1\n')
        path.write_text(text + '18\ntorch.FloatStorage\n2\n1.5 -2e-05 ')
        empty, pair = read_t7(path).array()
        assert empty.shape == (0,)
        np.testing.assert_array_equal(pair, np.array([1.5, -2e-5], 'f'))


@pytest.mark.parametrize('content', [
    b'<!DOCTYPE html><html>', b'9\n1\n', b'1', i(1) + b'\0' * 7, i(2, -1), i(2, 5) + b'abcd', i(3, 1, 2_000_000_000),
    i(3, 1, 1, 11), i(4, 1) + name('tds.Hash') + q(3), i(4, 1) + name('torch.\x1b[2J'),
    i(4, 1) + FLOAT_STORAGE + q(2 ** 62), i(4, 1) + FLOAT_STORAGE + q(3) + b'\0' * 11,
    i(4, 1) + FLOAT_TENSOR + i(-1), i(8, 1, 100) + b'\0' * 50,
], ids=str)
def test_broken_binary_files(path: Path, content: bytes) -> None:
    message(path, content)


@pytest.mark.parametrize(('shape', 'strides', 'offset'), [
    ((4,), (1,), 0), ((4,), (1,), 2), ((4,), (1,), -2 ** 62), ((2,), (-1,), 2), ((2, 2), (1, 3), 1), ((0,), (1,), 1),
    ((2 ** 62, 2 ** 62), (0, 0), 1), ((2, 2), (2 ** 62, 2 ** 62), 1), ((1,) * 100, (1,) * 100, 1),
])
def test_tensors_that_do_not_fit_their_storage(
    path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int,
) -> None:
    storage = t7.Storage(np.arange(4, dtype='f'))
    message(path, t7.dump(t7.Tensor(storage=storage, shape=shape, strides=strides, offset=offset)))


def test_tensors_with_something_else_as_storage(path: Path) -> None:
    doubles = t7.Storage(np.arange(4, dtype='d'))
    expanded = t7.Tensor(storage=t7.Storage(np.zeros(1, 'f')), shape=(4,), strides=(0,))
    for storage in (doubles, {}, 'text', t7.Tensor(np.zeros((2, 2), 'f')), expanded, None):
        tensor = t7.Tensor(shape=(4,), strides=(1,), kind='Float')
        tensor.storage = storage
        assert 'without a storage of its type' in message(path, t7.dump(tensor))


@pytest.mark.parametrize('ascii', [False, True], ids=['binary', 'ascii'])
def test_every_truncation_is_found(path: Path, ascii: bool) -> None:
    content = t7.dump([t7.Obj('nn.A', {'w': t7.Tensor(np.arange(6.).reshape(2, 3)), 'f': t7.Function(8, b'abc', {})}),
                       True, 'text', None, 2.5, t7.Storage(np.arange(3)), 'end'], ascii)
    path.write_bytes(content)
    assert len(read_t7(path).array()) == 3  # up to the nil
    # The end of the last line of a text is not missed.
    for length in range(1, len(content) - ascii):
        message(path, content[:length])


def test_file_that_a_gpu_wrote(shared: Callable[[str], Path]) -> None:
    """A network of cudnn's own tests, as it was written in 2015."""
    module = read_t7(shared('reference/torch7/models/cudnn_modelTemp.t7'))
    fields = module.fields
    assert module.class_name == 'cudnn.VolumetricConvolution'
    weight, bias = fields['weight'], fields['bias']
    assert weight.dtype == bias.dtype == np.float32
    assert weight.shape[0] == len(bias) == fields['nOutputPlane']
    assert np.isfinite(weight).all()
    assert 0 < np.abs(weight).max() < 1
