"""Networks out of files of PyTorch."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from hourglass.errors import InputError
from hourglass.npz import Header
from pretrained.pytorch.archive import TorchFile
from pretrained.pytorch.layouts import find_state, rename
from pretrained.pytorch.pickles import Tensor
from pretrained.topology import infer_spec
from pretrained.weights_file import Model, check_arrays, check_count, counters, model_from_arrays

import numpy as np


def load_pytorch(path: str | os.PathLike[str], part: str | None = None) -> Model:
    """Read the weights of a ``PreActivationHG`` from a file of PyTorch or safetensors.

    Args:
        path: a ``state_dict`` or a checkpoint with one in it, in any format of :class:`TorchFile`, of one of the ports
            in :mod:`pretrained.pytorch.layouts`.
        part: which network, if there is more than one in it (averaged weights, a teacher and a student).

    Returns:
        The model, in float32.  Its specification has the sizes that follow from the arrays, the joints from their
        number, and the preprocessing of the port.

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    path = Path(path)
    with TorchFile(path) as file:
        try:
            layout, state = find_state(file.value, part)
            tensors = rename(layout, state)
            spec = replace(infer_spec({key: tensor.shape for key, tensor in tensors.items()}), **layout.spec)
            headers = {key: Header(tensor.shape, _dtype(tensor)) for key, tensor in tensors.items()}
            check_count(spec, len(headers))
            # Files of PyTorch before 0.4.1 have no numbers of batches.
            absent = {key: value for key, value in counters(spec).items() if key not in headers}
            check_arrays(spec, headers | {key: Header(value.shape, value.dtype) for key, value in absent.items()})
        except InputError as error:
            raise InputError(f'{path}: {error}') from None
        arrays = file.read(tensors)
    return model_from_arrays(spec, {**arrays, **absent}, path, f'{path} ({file.title}, {layout.name} layout)')


def _dtype(tensor: Tensor) -> np.dtype:
    return np.dtype('f4' if tensor.storage.dtype == 'bfloat16' else tensor.storage.dtype)
