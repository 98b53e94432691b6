"""The names of the parts of the Torch7 code's network in PyTorch ports, and in this project.

Two ports are known.  The first is bearpaw's (github.com/bearpaw/pytorch-pose), from which the files of
github.com/anibali/pytorch-stacked-hourglass are.  Its level ``n`` of an hourglass, counted from the lowest, is
``hg.i.hg.(n-1)`` with the entries 0 upper branch, 1 below the pooling, 2 before the upsampling, and 3 the lowest.  Its
stem is wider than that of the Torch7 code.  Princeton's (github.com/princeton-vl/pytorch_stacked_hourglass) nests
``low2`` in ``low2``, and has a skip layer in every residual module, also where the input is added as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hourglass.errors import InputError
from hourglass.foreign import printable
from hourglass.parameters import network_shapes
from hourglass.spec import ModelSpec
from hourglass.wording import counted
from pretrained.pytorch.archive import read_tensors
from pretrained.pytorch.pickles import Placeholder, Tensor
from pretrained.topology import BEARPAW_MEAN, choose_part, count_beginnings, infer_spec

import numpy as np

#: The arrays of a link, as PyTorch calls them.
_ARRAYS = {'W': 'weight', 'b': 'bias', 'gamma': 'weight', 'beta': 'bias', 'avg_mean': 'running_mean',
           'avg_var': 'running_var', 'N': 'num_batches_tracked'}


class Layout(NamedTuple):
    """The names of one port.

    Attributes:
        name: the port's.
        anchors: names that only files of this port have, and all of them.
        link: the name of a link, from the part of the network that it is in (``hg`` of ``hg1``), the part's number,
            which counts from 0, the names here from there to the link, and the depth of an hourglass.
        sizes: entries of the ``ModelSpec`` that decide which arrays there are, from their names.
        mean: what is subtracted from images.
    """

    name: str
    anchors: tuple[str, str]
    link: Callable[[str, int, list[str], int], str]
    sizes: Callable[[Iterable[str]], dict[str, Any]]
    mean: tuple[float, float, float]

    def name_of(self, key: str, depth: int) -> str:
        """Return the name of an array from its key in a weights file and the depth of an hourglass."""
        first, *inside, array = key.split('/')
        part = first.rstrip('0123456789')
        # Stacks count from 1 here, all else from 0.
        number = int(first.removeprefix(part)) - (part not in ('conv', 'bn', 'res'))
        return f'{self.link(part, number, inside, depth)}.{_ARRAYS[array]}'


def _bearpaw_link(part: str, n: int, inside: list[str], depth: int) -> str:
    if not inside:
        return {'conv': 'conv1', 'bn': 'bn1', 'feature': f'fc.{n}.0', 'feature_bn': f'fc.{n}.1', 'output': f'score.{n}',
                'merge_feature': f'fc_.{n}', 'merge_output': f'score_.{n}'}[part]
    *path, link = inside
    link = 'downsample.0' if link == 'conv0' else link
    if part == 'res':
        return f'layer{n + 1}.0.{link}'
    if part == 'after':
        return f'res.{n}.{path[0]}.{link}'
    *outer, branch, module = path
    place = ('upper', 'lower_in', 'lower_out', 'inner').index(branch)
    return f'hg.{n}.hg.{depth - 1 - len(outer)}.{place}.{module}.{link}'


def _princeton_link(part: str, n: int, inside: list[str], depth: int) -> str:
    if not inside:
        return {'conv': 'pre.0.conv', 'bn': 'pre.0.bn', 'feature': f'features.{n}.1.conv',
                'feature_bn': f'features.{n}.1.bn', 'output': f'outs.{n}.conv',
                'merge_feature': f'merge_features.{n}.conv.conv', 'merge_output': f'merge_preds.{n}.conv.conv'}[part]
    *path, link = inside
    link = 'skip_layer.conv' if link == 'conv0' else f'{link}.conv' if link.startswith('conv') else link
    if part == 'res':
        return f'pre.{(1, 3, 4)[n]}.{link}'
    if part == 'after':
        return f'features.{n}.0.{link}'
    # The lowest residual module is a low2 itself.
    branches = {'upper': 'up1', 'lower_in': 'low1', 'lower_out': 'low3', 'inner': 'low2'}
    return f'hgs.{n}.0.{".".join(branches[name] for name in path[:-1])}.{link}'


LAYOUTS = (
    Layout('bearpaw', ('hg.0.hg.0.0.0.conv1.weight', 'score.0.weight'), _bearpaw_link, lambda names: {
        'n_stack': count_beginnings(names, r'score\.\d+\.'), 'layer_num': count_beginnings(names, r'hg\.0\.hg\.\d+\.'),
        'n_modules': count_beginnings(names, r'res\.0\.\d+\.'), 'wide_stem': True}, BEARPAW_MEAN),
    Layout('princeton', ('hgs.0.0.up1.conv1.conv.weight', 'outs.0.conv.weight'), _princeton_link, lambda names: {
        'n_stack': count_beginnings(names, r'outs\.\d+\.'),
        'layer_num': count_beginnings(names, r'hgs\.0\.0\.(low2\.)*up1\.')}, (0, 0, 0)),
)


def parse_pytorch(path: Path, part: str | None = None) -> dict[str, np.ndarray]:
    """Read a network for :func:`pretrained.formats.load_any`; the sizes and the joints follow from the arrays.

    Returns:
        Its arrays by their keys in a weights file, ``spec``, its description as JSON, and ``origin``.
    """
    value, title = read_tensors(path)
    layout, state = find_state(value, part)
    arrays = rename(layout, state)
    spec = replace(infer_spec({key: array.shape for key, array in arrays.items()}), mean=layout.mean)
    # Files of PyTorch before 0.4.1 have no numbers of batches.
    counts = {f'{key.removesuffix("avg_mean")}N': np.array(0) for key in arrays if key.endswith('/avg_mean')}
    return {**counts, **arrays, 'spec': np.array(spec.to_json()), 'origin': np.array(f'{title}, {layout.name} layout')}


def rename(layout: Layout, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give the arrays of a ``state_dict`` in a layout their keys in a weights file.

    Raises:
        InputError: names that are not of this layout.
    """
    spec = ModelSpec('PreActivationHG', upsampling='nearest', **layout.sizes(state))
    names = {key: layout.name_of(key, spec.layer_num) for key in network_shapes(spec)}
    # Princeton's skip layers that are not used have no place here.
    unknown = [name for name in state.keys() - set(names.values()) if '.skip_layer.' not in name]
    if unknown:
        raise InputError(f'{counted(len(unknown), "name")} not of the {layout.name} layout, such as '
                         f'{printable(min(unknown))}')
    return {key: state[name] for key, name in names.items() if name in state}


def find_state(value: Any, part: str | None = None) -> tuple[Layout, dict[str, np.ndarray]]:
    """Find the network in what a file holds: a ``state_dict``, or a checkpoint with one in it.

    Args:
        value: from :func:`~pretrained.pytorch.archive.read_tensors`.
        part: which network, if there is more than one (:func:`~pretrained.topology.choose_part`): the keys that lead
            to it and the prefix of its names, such as ``state_dict_ema`` or ``state_dict.teacher``.

    Returns:
        The layout, and the arrays by its names, without prefixes such as ``module.``.

    Raises:
        InputError: there is no network of a known layout, or more than one.
    """
    found = {f'{path}{prefix}'.strip('.') or '.': (layout, state, prefix)
             for path, state in _dictionaries(value).items() for layout in LAYOUTS
             for prefix in _prefixes(layout, state)}
    if not found:
        expected = ' or '.join(layout.name for layout in LAYOUTS)
        raise InputError(f'expected a stacked hourglass in the layout {expected}, found {_describe(value)}')
    layout, state, prefix = found[choose_part(list(found), part)]
    # Names of another network can begin with those of this one.
    others = tuple(other for _, same, other in found.values()
                   if same is state and other != prefix and other.startswith(prefix))
    tensors = {key[len(prefix):]: tensor for key, tensor in state.items()
               if isinstance(key, str) and key.startswith(prefix) and not key.startswith(others)}
    for key, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise InputError(f'{printable(key)} is not a tensor but {_describe(tensor)}')
    return layout, {key: tensor.array for key, tensor in tensors.items()}


def _dictionaries(value: Any, path: str = '', depth: int = 3) -> dict[str, dict[str, Any]]:
    """Return a dictionary, those in it and those in these by the keys that lead there, each with a dot after it."""
    if not isinstance(value, dict) or not depth:
        return {}
    found = {path: value}
    for key, inner in value.items():
        found.update(_dictionaries(inner, f'{path}{key}.', depth - 1))
    return found


def _prefixes(layout: Layout, state: Mapping[str, Any]) -> list[str]:
    anchor = layout.anchors[0]
    starts = [key[:-len(anchor)] for key in state if isinstance(key, str)
              and (key == anchor or key.endswith(f'.{anchor}'))]
    return [start for start in starts if all(start + name in state for name in layout.anchors)]


def _describe(value: Any) -> str:
    if isinstance(value, Placeholder):
        name = printable(type(value).__name__)
        return f'a pickled object of the class {name}; its state_dict(), saved alone, can be read'
    if not isinstance(value, dict):
        return f'a {type(value).__name__}'
    names = ', '.join(printable(str(name)) for name in list(value)[:3])
    return f'{len(value)} entries that begin with {names}' if value else 'nothing'
