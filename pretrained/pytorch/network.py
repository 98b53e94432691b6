"""Networks out of files of PyTorch."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from hourglass.errors import InputError
from hourglass.sandbox import read_in_child
from pretrained.pytorch.archive import read_tensors
from pretrained.pytorch.layouts import LAYOUTS, find_state, rename
from pretrained.topology import infer_spec
from pretrained.weights_file import Model, model_from_arrays

import numpy as np


def parse_pytorch(path: Path, part: str | None = None) -> dict[str, np.ndarray]:
    """Return a network's arrays by their keys in a weights file, and ``origin``: the file's format and its layout.

    For :func:`hourglass.sandbox.read_in_child`.
    """
    value, title = read_tensors(path)
    layout, state = find_state(value, part)
    return {**rename(layout, state), 'origin': np.array([title, layout.name])}


def load_pytorch(path: str | os.PathLike[str], part: str | None = None) -> Model:
    """Read the weights of a ``PreActivationHG`` from a file of PyTorch or safetensors.

    Args:
        path: a ``state_dict`` or a checkpoint with one in it, in any format of :func:`read_tensors`, of one of the
            ports in :mod:`pretrained.pytorch.layouts`.
        part: which network, if there is more than one in it (averaged weights, a teacher and a student).

    Returns:
        The model, in float32.  Its specification has the sizes that follow from the arrays, the joints from their
        number, and the preprocessing of the port.

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    path = Path(path)
    arrays = read_in_child('pretrained.pytorch.network:parse_pytorch', path, *([] if part is None else [part]))
    title, layout = arrays.pop('origin').tolist()
    mean = next(known.mean for known in LAYOUTS if known.name == layout)
    try:
        spec = replace(infer_spec({key: array.shape for key, array in arrays.items()}), mean=mean)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    # Files of PyTorch before 0.4.1 have no numbers of batches.
    counts = {f'{key.removesuffix("avg_mean")}N': np.array(0) for key in arrays if key.endswith('/avg_mean')}
    return model_from_arrays(spec, {**counts, **arrays}, path, f'{path} ({title}, {layout} layout)')
