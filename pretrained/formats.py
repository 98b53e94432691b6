"""Load weights files of any format; the format is recognised by the content, not by the name."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hourglass.errors import InputError
from hourglass.foreign import Damage, open_file, open_zip
from hourglass.sandbox import read_in_child
from hourglass.spec import ModelSpec
from pretrained.pytorch.archive import ZIP_START, is_legacy, is_safetensors
from pretrained.weights_file import Model, load_model, model_from_arrays

#: How a Torch7 file begins: a table or an object of a class, in binary or as text.
_TORCH7_STARTS = (b'\3\0\0\0', b'\4\0\0\0', b'3\n', b'4\n')


class FileKind(NamedTuple):
    """A kind of weights file: its title, and the function that reads it, of a path and the name of a part."""

    title: str
    load: Callable[[Path, str | None], Model]


def _load_in_child(parser: str, path: Path, part: str | None) -> Model:
    """Read weights of another program; ``parser`` returns arrays, and texts under ``spec`` and ``origin``."""
    arrays = read_in_child(parser, path, *([] if part is None else [part]))
    spec, origin = (str(arrays.pop(name)) for name in ('spec', 'origin'))
    return model_from_arrays(ModelSpec.from_json(spec), arrays, path, f'{path} ({origin})')


NPZ = FileKind('.npz of Chainer', load_model)
PYTORCH = FileKind('PyTorch', partial(_load_in_child, 'pretrained.pytorch.layouts:parse_pytorch'))
SAFETENSORS = PYTORCH._replace(title='safetensors')
TORCH7 = FileKind('Torch7', partial(_load_in_child, 'pretrained.torch7.network:parse_torch7'))


def recognise(path: str | os.PathLike[str]) -> FileKind:
    """Recognise the kind of a weights file.

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


def _kind_of_zip(names: list[str]) -> FileKind:
    if any(name.rpartition('/')[2] == 'data.pkl' for name in names):
        return PYTORCH
    is_torch7 = any(name.endswith('.t7') for name in names) and not any(name.endswith('.npy') for name in names)
    return TORCH7 if is_torch7 else NPZ


def load_any(path: str | os.PathLike[str], part: str | None = None) -> Model:
    """Read weights of any kind.

    Args:
        path: a weights file or snapshot of this project; a Chainer .npz of the reference
            (:func:`~pretrained.weights_file.load_model`); a PyTorch or safetensors file with a ``state_dict``, also
            inside a checkpoint, of one of the ports in :mod:`pretrained.pytorch.layouts`; or a network of the Torch7
            code that Torch7 saved (:mod:`pretrained.torch7.network`), also in a zip file.
        part: which network, if there is more than one in the file (:func:`~pretrained.topology.choose_part`).

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    return recognise(path).load(Path(path), part)
