"""Reading files of other origin: without a description, nested, of arrays that do not fit, damaged."""

from __future__ import annotations

import pickle
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.network import StackedHG
from hourglass.spec import ModelSpec
from pretrained.weights_file import load_model
from tests.networks import values_of
from tests.pretrained.ports import SMALL, TORCH7_CODE, assert_same, random_values
from tests.refusal import refusal
from tests.touch import Touch

import chainer
import numpy as np
import pytest


@pytest.mark.parametrize('spec', [
    ModelSpec(width=4, n_stack=3, layer_num=2),
    ModelSpec(out_channels=17, joints='coco', width=4), TORCH7_CODE,
    replace(TORCH7_CODE, n_stack=3, layer_num=1, n_modules=2, out_channels=14, joints='lsp'),
])
def test_sizes_follow_from_the_arrays(path: Path, spec: ModelSpec) -> None:
    network = spec.build_network()
    chainer.serializers.save_npz(path, network)
    model = load_model(path)
    assert model.spec == spec
    assert_same(values_of(model.network), values_of(network))


def test_file_with_the_published_keys(path: Path, rule_values: dict[str, np.ndarray]) -> None:
    np.savez(path, **rule_values)
    model = load_model(path)
    assert model.spec == ModelSpec()
    assert_same(model.arrays, rule_values)


def test_unknown_number_of_joints(path: Path) -> None:
    chainer.serializers.save_npz(path, StackedHG(5, 1, 4, 1))
    assert '5 joints' in refusal(load_model, path)


def python_2_entry(array: np.ndarray) -> bytes:
    """An .npy entry as NumPy wrote it under Python 2, where sizes were of type ``long``."""
    shape = '(' + ''.join(f'{n}L, ' for n in array.shape) + ')'
    header = f"{{'descr': '{array.dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(-(10 + len(header) + 1) % 16 + len(header)) + '\n'
    return b'\x93NUMPY\1\0' + len(header).to_bytes(2, 'little') + header.encode() + array.tobytes()


@pytest.mark.parametrize('change', [
    {'/N': lambda a: a.astype(np.int32)},
    {'/N': lambda a: a.reshape(1)},
    {'/W': lambda a: a.astype(np.float64), '/b': lambda a: a.astype('>f8')},
    {'/W': np.asfortranarray},
], ids=['int32', 'array-of-one', 'float64', 'fortran-order'])
def test_other_ways_to_store_the_same(path: Path, arrays: dict[str, np.ndarray], change: dict[str, Any]) -> None:
    changed = {key: next((f(value) for end, f in change.items() if key.endswith(end)), value)
               for key, value in arrays.items()}
    np.savez(path, **changed)
    assert_same(load_model(path).arrays, arrays)


def test_python_2_headers_and_leading_slashes(
        path: Path, arrays: dict[str, np.ndarray], recwarn: pytest.WarningsRecorder) -> None:
    with zipfile.ZipFile(path, 'w') as file:
        for key, array in arrays.items():
            file.writestr(f'/{key}.npy', python_2_entry(array))
    assert_same(load_model(path).arrays, arrays)
    assert not [w for w in recwarn if 'Python 2' in str(w.message)]


# Snapshots.

@pytest.mark.parametrize('place', ['updater/model:main/meta', 'updater/model:main/predictor/meta'])
def test_a_description_lies_beside_a_nested_network_or_above(
    path: Path, arrays: dict[str, np.ndarray], place: str,
) -> None:
    nested = {f'updater/model:main/predictor/{key}': value for key, value in arrays.items()}
    np.savez(path, **{**nested, place: np.array(SMALL.to_json())})
    model = load_model(path)
    assert model.spec == SMALL
    assert_same(model.arrays, arrays)


def test_file_of_two_networks(path: Path, arrays: dict[str, np.ndarray]) -> None:
    other = {f'teacher/{key}': value * 0 for key, value in arrays.items()}
    np.savez(path, **{f'predictor/{key}': value for key, value in arrays.items()} | other)
    assert_same(load_model(path).arrays, arrays)
    np.savez(path, **{f'student/{key}': value for key, value in arrays.items()} | other)
    assert 'holds 2 networks: student, teacher' in refusal(load_model, path)
    assert_same(load_model(path, 'student').arrays, arrays)
    with pytest.raises(InputError, match='--part ema: no network of this name'):
        load_model(path, 'ema')


def test_missing_unexpected_and_misshapen_arrays_are_named_and_counted(
        path: Path, arrays: dict[str, np.ndarray]) -> None:
    changed = dict(arrays)
    for key in ('conv0/W', 'conv0/b', 'bn0/N', 'bn0/gamma', 'res0/conv1/W'):
        del changed[key]
    changed |= {'extra': np.zeros(3), 'conv1_1/b': np.zeros(9, 'f'), 'bn1_1/N': np.array(1.5),
                'meta': np.array(SMALL.to_json())}
    np.savez(path, **changed)
    text = refusal(load_model, path)
    assert '5 arrays missing: ' in text
    assert 'bn0/N' in text
    assert 'and 2 more' in text
    assert '1 array unexpected: extra' in text
    assert '2 arrays of a wrong shape or type: bn1_1/N () float64 for (), conv1_1/b (9,) float32 for (8,)' in text


@pytest.mark.parametrize(('spec', 'key'), [
    (SMALL, 'conv1_3a/W'), (SMALL, 'hg1/res1a_1/conv3/W'),
    *((TORCH7_CODE, key) for key in ('res1/conv3/W', 'hg1/upper/0/conv3/W', 'output1/W')),
])
def test_arrays_that_give_the_sizes(path: Path, spec: ModelSpec, key: str) -> None:
    arrays = random_values(spec)
    for value in (None, np.zeros(14, 'f')):
        changed = {k: v for k, v in arrays.items() if k != key} | ({} if value is None else {key: value})
        np.savez(path, **changed)
        assert key in refusal(load_model, path)


def test_other_npz_files(path: Path) -> None:
    np.savez(path, images=np.zeros(3))
    assert 'no weights of a stacked hourglass network' in refusal(load_model, path)
    assert 'images' in refusal(load_model, path)
    np.savez(path)
    assert 'no entries' in refusal(load_model, path)


@pytest.mark.parametrize('value', [np.nan, 1e300])
def test_values_that_are_not_finite_are_named(path: Path, arrays: dict[str, np.ndarray], value: float) -> None:
    changed = {key: array.astype(np.float64) if key.endswith('/beta') else array for key, array in arrays.items()}
    changed['bn0/beta'][0] = changed['bn1_2/beta'][-1] = value
    np.savez(path, **changed)
    assert refusal(load_model, path).endswith('not finite numbers in bn0/beta, bn1_2/beta')


@pytest.mark.parametrize('key', ['conv0/b', 'meta'])
def test_objects_are_refused_and_not_unpickled(path: Path, arrays: dict[str, np.ndarray], key: str) -> None:
    evidence = path.parent / 'executed'
    np.savez(path, **{**arrays, key: np.array(Touch(evidence))})
    assert key in refusal(load_model, path)
    assert not evidence.exists()
    path.write_bytes(pickle.dumps(Touch(evidence)))
    refusal(load_model, path)
    assert not evidence.exists()


@pytest.mark.parametrize('meta', [
    np.array('{'), np.array('{"joints": "cats"}'), np.array(['{}']), np.array(3.0), np.array('[' * 4000),
    np.array(SMALL.to_json().replace('"n_stack": 1', '"n_stack": 4096')),
    np.array(SMALL.to_json().replace('"width": 4', '"width": 4096')),
    np.array(SMALL.to_json().replace('"layer_num": 1', '"layer_num": 4096')),
])
def test_bad_description(path: Path, arrays: dict[str, np.ndarray], meta: np.ndarray) -> None:
    np.savez(path, **arrays, meta=meta)
    tracemalloc.start()
    refusal(load_model, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
