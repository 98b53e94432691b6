"""Networks out of files of PyTorch."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from hourglass.errors import InputError
from pretrained.pytorch.archive import read_tensors
from pretrained.pytorch.layouts import find_state, rename
from pretrained.topology import infer_spec
from pretrained.weights_file import Model, check_count, counters, model_from_arrays


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
    value, title = read_tensors(path)
    try:
        layout, state = find_state(value, part)
        arrays = rename(layout, state)
        spec = replace(infer_spec({key: array.shape for key, array in arrays.items()}), **layout.spec)
        check_count(spec, len(arrays))
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    # Files of PyTorch before 0.4.1 have no numbers of batches.
    return model_from_arrays(spec, {**counters(spec), **arrays}, path, f'{path} ({title}, {layout.name} layout)')
