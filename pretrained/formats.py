"""Load weights files of any format: it is recognised by the content, not by the name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hourglass.errors import InputError
from hourglass.foreign import Damage, open_file, open_zip
from pretrained.pytorch import load_pytorch
from pretrained.pytorch.archive import ZIP_START, is_legacy, is_safetensors
from pretrained.weights_file import Model, load_model

#: How a Torch7 file begins: a table or an object of a class, in binary or as text.
_TORCH7_STARTS = (b'\3\0\0\0', b'\4\0\0\0', b'3\n', b'4\n')


class Kind(NamedTuple):
    """A kind of weights file: what it is called, and what reads it: a function of the path and the part wanted."""

    title: str
    load: Callable[[Path, str | None], Model]


def _load_torch7(path: Path, part: str | None) -> Model:
    from pretrained.torch7 import load_torch7  # only here, for few files are of this kind

    if part is not None:
        raise InputError(f'{path}: a Torch7 file holds one network; --part is for others')
    return load_torch7(path)


NPZ = Kind('.npz of Chainer', load_model)
PYTORCH = Kind('PyTorch', load_pytorch)
SAFETENSORS = Kind('safetensors', load_pytorch)
TORCH7 = Kind('Torch7', _load_torch7)


def recognise(path: str | os.PathLike[str]) -> Kind:
    """Find out of which kind a weights file is.

    Raises:
        InputError: it is missing, empty or of no kind that can be read; the text describes how it begins.
    """
    path = Path(path)
    with open_file(path, 'a weights file') as stream:
        start = stream.read(512)
        if start.startswith((ZIP_START, b'PK\5\6')):
            try:
                with open_zip(stream) as file:
                    return _kind_of_zip(file.namelist())
            except Damage as error:
                raise InputError(f'{path}: {error}') from None
    if is_legacy(start):
        return PYTORCH
    if is_safetensors(start):
        return SAFETENSORS
    if start.startswith(_TORCH7_STARTS):
        return TORCH7
    what = 'a Python pickle that torch.save did not write; such files can run anything and are not read' \
        if start.startswith(b'\x80') else f'it begins with {start[:12]!r}'
    raise InputError(f'{path}: not a weights file: neither .npz, nor of PyTorch, safetensors or Torch7 ({what})')


def _kind_of_zip(names: list[str]) -> Kind:
    if any(name.rpartition('/')[2] == 'data.pkl' for name in names):
        return PYTORCH
    is_torch7 = any(name.endswith('.t7') for name in names) and not any(name.endswith('.npy') for name in names)
    return TORCH7 if is_torch7 else NPZ


def load_any(path: str | os.PathLike[str], part: str | None = None) -> Model:
    """Read weights of any kind.

    Args:
        path: a weights file or snapshot of this project, a Chainer .npz of the reference
            (:func:`~pretrained.weights_file.load_model`), a file of PyTorch or safetensors
            (:func:`~pretrained.pytorch.load_pytorch`), or one of Torch7
            (:func:`~pretrained.torch7.load_torch7`), possibly zipped.
        part: which network, if there is more than one in the file (:func:`~pretrained.topology.choose_part`).

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    return recognise(path).load(Path(path), part)
