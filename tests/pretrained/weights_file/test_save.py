from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.network import StackedHG
from hourglass.spec import ModelSpec
from pretrained.weights_file import load_model, save_model
from tests.networks import values_of
from tests.pretrained.ports import SMALL, TORCH7_CODE, assert_same, network_of, random_values

import chainer
import numpy as np
import pytest


@pytest.mark.parametrize('spec', [SMALL, TORCH7_CODE, ModelSpec(width=8, upsampling='nearest', crop='torch7')])
def test_file_gives_back_network_and_specification(path: Path, spec: ModelSpec) -> None:
    arrays = random_values(spec)
    save_model(path, network_of(spec, arrays), spec)
    model = load_model(str(path))
    assert model.spec == spec
    assert model.source == str(path)
    assert_same(model.arrays, arrays)
    assert_same(values_of(model.network), arrays)


def test_half_precision_is_for_convolutions_and_loads_as_float32(
    path: Path, network: StackedHG, arrays: dict[str, np.ndarray],
) -> None:
    save_model(path, network, SMALL, 'float16')
    with np.load(path) as file:
        assert {str(file[key].dtype) for key in file.files if key.endswith('/W')} == {'float16'}
        assert {str(file[key].dtype) for key in file.files if key.endswith('/avg_var')} == {'float32'}
    rounded = {key: value.astype(np.float16) if key.endswith('/W') else value for key, value in arrays.items()}
    assert_same(load_model(path).arrays, rounded)


def test_chainer_reads_the_file_by_itself(path: Path, network: StackedHG, arrays: dict[str, np.ndarray]) -> None:
    save_model(path, network, SMALL)
    other = SMALL.build_network()
    chainer.serializers.load_npz(str(path), other)
    assert_same(values_of(other), arrays)


def test_same_weights_give_same_bytes(tmp_path: Path, network: StackedHG, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / 'a.npz', network, SMALL)
    monkeypatch.setattr('time.time', lambda: 2e9)
    save_model(tmp_path / 'b.npz', network, SMALL)
    assert (tmp_path / 'a.npz').read_bytes() == (tmp_path / 'b.npz').read_bytes()


@pytest.mark.parametrize(('dtype', 'value'), [(np.float32, np.nan), (np.float32, np.inf), (np.float16, 1e5)])
def test_value_that_cannot_be_stored_leaves_old_file(path: Path, dtype: Any, value: float, network: StackedHG) -> None:
    save_model(path, network, SMALL)
    before = path.read_bytes()
    network.conv1_1.W.array[0, 0] = value
    with pytest.raises(InputError, match='conv1_1/W'):
        save_model(path, network, SMALL, dtype)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_wrong_arguments_of_save_model(path: Path, network: StackedHG) -> None:
    with pytest.raises(ValueError, match='float64'):
        save_model(path, network, SMALL, np.float64)
    with pytest.raises(ValueError, match='sizes'):
        save_model(path, network, replace(SMALL, width=8))
    assert not path.exists()
