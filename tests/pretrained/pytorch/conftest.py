"""A file of PyTorch's around any pickle, and what is said about one that is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from hourglass.errors import InputError
from pretrained.pytorch import TorchFile
from pretrained.pytorch.tensors import Tensor

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'weights.pth'


@pytest.fixture
def message() -> Callable[[Path], str]:
    """Return what is said about a file that is refused."""
    def refusal(path: Path) -> str:
        with pytest.raises(InputError) as caught, TorchFile(path) as file:
            file.read({key: value for key, value in file.value.items() if isinstance(value, Tensor)})
        text = str(caught.value)
        assert text.startswith(f'{path}: ')
        assert '\n' not in text
        return text

    return refusal


@pytest.fixture
def write_pickle() -> Callable[..., None]:
    """Write a zip file around a pickle."""
    def write(path: Path, data: bytes, **storages: bytes) -> None:
        with zipfile.ZipFile(path, 'w') as file:
            file.writestr('x/data.pkl', data)
            for key, raw in storages.items():
                file.writestr(f'x/data/{key.removeprefix("_")}', raw)

    return write
