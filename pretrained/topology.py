"""Infer the network from the names and shapes of its arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hourglass.errors import InputError
from hourglass.foreign import printable
from hourglass.joints import JOINT_SETS
from hourglass.spec import ModelSpec

Shapes = Mapping[str, tuple[int, ...]]

#: A key of each network whose name occurs only at its top, unlike conv0/W, which residual modules have as well.
ANCHORS = {'StackedHG': 'hg1/res1a_1/conv1/W', 'PreActivationHG': 'hg1/upper/0/conv1/W'}

#: Preprocessing and decoding of the weights of the Torch7 code.
TORCH7_CODE: dict[str, Any] = {'crop': 'torch7', 'decoding': 'torch7'}
#: Mean that bearpaw's port subtracts.
BEARPAW_MEAN = (0.4404, 0.4440, 0.4327)


def choose_part(names: Sequence[str], part: str | None) -> str:
    """Choose one of the networks in a file.

    Args:
        names: their names; entries of a path are separated by dots.
        part: the wanted network, as a whole name or as entries that only one name has; None for the only network.

    Raises:
        InputError: there is none of this name, or more than one; the text lists the names.
    """
    found = [name for name in names if part is None or f'.{part}.' in f'.{name}.']
    if part is not None and part in found:
        return part
    if len(found) == 1:
        return found[0]
    listed = ', '.join(printable(name) for name in names[:10])
    if part is None:
        raise InputError(f'holds {len(names)} networks: {listed}; python -m pretrained convert --part NAME makes a '
                         'file of one')
    raise InputError(f'--part {printable(part)}: {"no network" if not found else f"{len(found)} networks"} of this '
                     f'name; the names are {listed}')


def joint_set_of(joints: int) -> str:
    """Return the name of the joint set with this number of joints; ``InputError`` if there is none."""
    by_size = {len(joint_set): name for name, joint_set in JOINT_SETS.items()}
    if joints not in by_size:
        known = ', '.join(f'{size} ({name})' for size, name in by_size.items())
        raise InputError(f'heatmaps for {joints} joints; without a description these are known: {known}')
    return by_size[joints]


def infer_spec(shapes: Shapes) -> ModelSpec:
    """Infer the sizes of a network from the names and shapes of its arrays.

    The joint set follows from the number of heatmaps.  Preprocessing and decoding of a ``PreActivationHG`` are those of
    the Torch7 code, and those of a ``StackedHG`` are those of the reference (Chainer).

    Args:
        shapes: shape of every array by its key in a weights file.

    Raises:
        InputError: an array that gives a size is missing or not a convolution's.
    """
    sizes: dict[str, Any] = {'n_stack': count_beginnings(shapes, r'hg[0-9]+/')}
    if ANCHORS['PreActivationHG'] in shapes:
        width, joints = _channels(shapes, 'hg1/upper/0/conv3/W'), _channels(shapes, 'output1/W')
        sizes |= {'network': 'PreActivationHG', 'layer_num': _depth(shapes, 'inner'), 'upsampling': 'nearest',
                  'n_modules': count_beginnings(shapes, r'after1/[0-9]+/'),
                  'wide_stem': _channels(shapes, 'res1/conv3/W') == width, **TORCH7_CODE}
    else:
        width, joints = _channels(shapes, 'hg1/res1a_1/conv3/W'), _channels(shapes, 'conv1_3a/W')
        sizes |= {'layer_num': _depth(shapes, 'block')}
    return ModelSpec(out_channels=joints, joints=joint_set_of(joints), width=width, **sizes)


def _channels(shapes: Shapes, key: str) -> int:
    """Return the output channels of a convolution."""
    if key not in shapes:
        raise InputError(f'{key} is missing')
    if len(shapes[key]) != 4:
        raise InputError(f'{key} has the shape {shapes[key]}, which is not that of a convolution')
    return shapes[key][0]


def count_beginnings(names: Iterable[str], pattern: str) -> int:
    """Count the different beginnings of names that fit a regular expression."""
    return len({match[0] for name in names if (match := re.match(pattern, name))})


def _depth(shapes: Shapes, inner: str) -> int:
    """Return how deeply hourglasses are nested in the first stack."""
    return max(match[0].count('/') for key in shapes if (match := re.match(f'hg1/({inner}/)*', key))) - 1
