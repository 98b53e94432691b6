"""The names that PyTorch ports of the Torch7 code's network give to its parts, and the names used here.

Two ports are known.  In bearpaw's (github.com/bearpaw/pytorch-pose, from which the files of
github.com/anibali/pytorch-stacked-hourglass come) level ``n`` of an hourglass, counted from the lowest, is
``hg.i.hg.(n-1)`` with the entries 0 upper branch, 1 below the pooling, 2 before the upsampling, and 3 the lowest; its
stem is wider than that of the Torch7 code.  Princeton's (github.com/princeton-vl/pytorch_stacked_hourglass) nests
``low2`` in ``low2``, and has a skip layer in every residual module, also where the input is added as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hourglass.errors import InputError
from hourglass.foreign import printable
from hourglass.wording import counted
from pretrained.pytorch.pickles import Placeholder, Tensor
from pretrained.topology import choose_part

import numpy as np

#: The arrays of a link, by their names in PyTorch.
_CONVOLUTION = {'weight': 'W', 'bias': 'b'}
_NORMALIZATION = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'avg_mean', 'running_var': 'avg_var',
                  'num_batches_tracked': 'N'}

# Parts of the patterns below: the number of a stack and of a residual module, and the link in such a module.
_I, _MODULE, _LINK = r'(?P<i>[0-9]+)', r'(?P<module>[0-9]+)', r'(?P<link>[a-z0-9_.]+)'


@dataclass(frozen=True)
class Layout:
    """The names of one port.

    Attributes:
        name: the port's.
        anchors: keys that only files of this port have, and all of them.
        links: names of the links of a residual module.
        names: patterns of links, and their names here with the groups of the match in braces: ``i`` (a stack, counted
            from 1 here), ``module``, ``link``, and ``branch`` of an hourglass.
        branch: the path of a branch inside an hourglass, from a match and the hourglass's depth.
        depth: how often an hourglass halves the resolution, from the keys.
        has_unused_skips: whether residual modules of equal channels have a skip layer, which is not used.
        spec: further entries of the weights' ``ModelSpec``.
    """

    name: str
    anchors: tuple[str, ...]
    links: dict[str, str]
    names: dict[str, str]
    branch: Callable[[re.Match[str], int], str]
    depth: Callable[[Iterable[str]], int]
    has_unused_skips: bool = False
    spec: dict[str, Any] = field(default_factory=dict)


def _bearpaw_branch(match: re.Match[str], depth: int) -> str:
    branch = ('upper', 'lower_in', 'lower_out', 'inner')[int(match['branch'])]
    return 'inner/' * (depth - 1 - int(match['level'])) + branch


def _princeton_branch(match: re.Match[str], depth: int) -> str:
    branch = {'up1': 'upper', 'low1': 'lower_in', 'low3': 'lower_out', None: 'inner'}[match['branch']]
    # The lowest residual module is a low2 itself.
    return 'inner/' * (match['inner'].count('low2.') - (branch == 'inner')) + branch


def _starts(pattern: str, keys: Iterable[str]) -> set[str]:
    return {match[0] for key in keys if (match := re.match(pattern, key))}


LAYOUTS = (
    Layout(
        name='bearpaw',
        anchors=('hg.0.hg.0.0.0.conv1.weight', 'score.0.weight'),
        links={**{name: name for name in ('bn1', 'conv1', 'bn2', 'conv2', 'bn3', 'conv3')}, 'downsample.0': 'conv0'},
        names={
            r'conv1': 'conv0', r'bn1': 'bn0',
            rf'layer1\.0\.{_LINK}': 'res0/{link}', rf'layer2\.0\.{_LINK}': 'res1/{link}',
            rf'layer3\.0\.{_LINK}': 'res2/{link}',
            rf'hg\.{_I}\.hg\.(?P<level>[0-9]+)\.(?P<branch>[0-3])\.{_MODULE}\.{_LINK}':
                'hg{i}/{branch}/{module}/{link}',
            rf'res\.{_I}\.{_MODULE}\.{_LINK}': 'after{i}/{module}/{link}',
            rf'fc\.{_I}\.0': 'feature{i}', rf'fc\.{_I}\.1': 'feature_bn{i}', rf'score\.{_I}': 'output{i}',
            rf'fc_\.{_I}': 'merge_feature{i}', rf'score_\.{_I}': 'merge_output{i}',
        },
        branch=_bearpaw_branch,
        depth=lambda keys: len(_starts(r'hg\.0\.hg\.[0-9]+\.', keys)),
        spec={'mean': (0.4404, 0.4440, 0.4327)},
    ),
    Layout(
        name='princeton',
        anchors=('hgs.0.0.up1.conv1.conv.weight', 'outs.0.conv.weight'),
        links={**{f'bn{i}': f'bn{i}' for i in (1, 2, 3)}, **{f'conv{i}.conv': f'conv{i}' for i in (1, 2, 3)},
               'skip_layer.conv': 'conv0'},
        names={
            r'pre\.0\.conv': 'conv0', r'pre\.0\.bn': 'bn0',
            rf'pre\.1\.{_LINK}': 'res0/{link}', rf'pre\.3\.{_LINK}': 'res1/{link}', rf'pre\.4\.{_LINK}': 'res2/{link}',
            rf'hgs\.{_I}\.0\.(?P<inner>(?:low2\.)*)(?:(?P<branch>up1|low1|low3)\.)?{_LINK}': 'hg{i}/{branch}/0/{link}',
            rf'features\.{_I}\.1\.conv': 'feature{i}', rf'features\.{_I}\.1\.bn': 'feature_bn{i}',
            rf'features\.{_I}\.0\.{_LINK}': 'after{i}/0/{link}', rf'outs\.{_I}\.conv': 'output{i}',
            rf'merge_features\.{_I}\.conv\.conv': 'merge_feature{i}',
            rf'merge_preds\.{_I}\.conv\.conv': 'merge_output{i}',
        },
        branch=_princeton_branch,
        depth=lambda keys: max(start.count('low2.') for start in _starts(r'hgs\.0\.0\.(low2\.)*', keys)),
        has_unused_skips=True,
    ),
)


def _link_here(layout: Layout, name: str, depth: int) -> str | None:
    """Return what a link of a port is called here, or None."""
    for pattern, here in layout.names.items():
        match = re.fullmatch(pattern, name)
        if match is None:
            continue
        groups = match.groupdict()
        if 'link' in groups and groups['link'] not in layout.links:
            continue
        return here.format(i=int(groups.get('i', 0)) + 1, module=groups.get('module'),
                           link=layout.links.get(groups.get('link', '')),
                           branch=layout.branch(match, depth) if 'branch' in groups else None)
    return None


def rename(layout: Layout, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give the arrays of a ``state_dict`` in a layout their keys in a weights file.

    Raises:
        InputError: names that are not of this layout.
    """
    depth = layout.depth(state)
    renamed: dict[str, np.ndarray] = {}
    unknown = []
    for name, values in state.items():
        link, _, array = name.rpartition('.')
        here = _link_here(layout, link, depth)
        is_normalization = here is not None and 'bn' in here.rpartition('/')[2]
        arrays = _NORMALIZATION if is_normalization else _CONVOLUTION
        if here is None or array not in arrays or (key := f'{here}/{arrays[array]}') in renamed:
            unknown.append(name)
        else:
            renamed[key] = values
    if unknown:
        raise InputError(f'{counted(len(unknown), "name")} not of the {layout.name} layout, such as '
                         f'{printable(unknown[0])}')
    return _without_unused_skips(renamed) if layout.has_unused_skips else renamed


def _without_unused_skips(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    def is_unused(key: str) -> bool:
        module, skip, _ = key.partition('/conv0/')
        first, last = arrays.get(f'{module}/conv1/W'), arrays.get(f'{module}/conv3/W')
        return bool(skip) and first is not None and last is not None and first.shape[1:2] == last.shape[:1]

    return {key: values for key, values in arrays.items() if not is_unused(key)}


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
    # A network without a prefix can stand beside one with a prefix.
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
    if isinstance(value, Tensor):
        return 'a single tensor'
    if isinstance(value, Placeholder):
        name = printable(type(value).__name__)
        return f'a pickled object of the class {name}; its state_dict(), saved alone, can be read'
    if not isinstance(value, dict):
        return f'a {type(value).__name__}'
    names = ', '.join(printable(str(name)) for name in list(value)[:3])
    return f'{len(value)} entries that begin with {names}' if value else 'nothing'
