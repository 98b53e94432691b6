"""Networks out of files of PyTorch."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from hourglass.sandbox import read_in_child
from hourglass.spec import ModelSpec
from pretrained.pytorch.archive import read_tensors
from pretrained.pytorch.layouts import find_state, rename
from pretrained.topology import infer_spec
from pretrained.weights_file import Model, model_from_arrays

import numpy as np


def parse_pytorch(path: Path, part: str | None = None) -> dict[str, np.ndarray]:
    """Return a network's arrays by their keys in a weights file, ``spec``, its description as JSON, and ``origin``.

    For :func:`hourglass.sandbox.read_in_child`.
    """
    value, title = read_tensors(path)
    layout, state = find_state(value, part)
    arrays = rename(layout, state)
    spec = replace(infer_spec({key: array.shape for key, array in arrays.items()}), mean=layout.mean)
    # Files of PyTorch before 0.4.1 have no numbers of batches.
    counts = {f'{key.removesuffix("avg_mean")}N': np.array(0) for key in arrays if key.endswith('/avg_mean')}
    return {**counts, **arrays, 'spec': np.array(spec.to_json()), 'origin': np.array(f'{title}, {layout.name} layout')}


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
    spec, origin = (str(arrays.pop(name)) for name in ('spec', 'origin'))
    return model_from_arrays(ModelSpec.from_json(spec), arrays, path, f'{path} ({origin})')
