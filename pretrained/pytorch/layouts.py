"""The names that PyTorch ports of the authors' network give to its parts, and what they are called here.

Two ports are known.  In bearpaw's (github.com/bearpaw/pytorch-pose, from which the files of
github.com/anibali/pytorch-stacked-hourglass come) level ``n`` of an hourglass, counted from the lowest, is
``hg.i.hg.(n-1)`` with the entries 0 upper branch, 1 below the pooling, 2 before the upsampling, and 3 the lowest; its
stem is wider than the authors'.  The first author's own (github.com/princeton-vl/pytorch_stacked_hourglass) nests
``low2`` in ``low2``, and has a skip layer in every residual module, also where the input is added as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hourglass.errors import InputError
from hourglass.npz import printable
from hourglass.wording import counted
from pretrained.pytorch.tensors import Tensor

#: The arrays of a link, by their names in PyTorch.
_CONVOLUTION = {'weight': 'W', 'bias': 'b'}
_NORMALIZATION = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'avg_mean', 'running_var': 'avg_var',
                  'num_batches_tracked': 'N'}

# Parts of the patterns below: the number of a stack and of a residual module, and the link in such a module.
_STACK, _MODULE, _LINK = r'(?P<i>[0-9]+)', r'(?P<module>[0-9]+)', r'(?P<link>[a-z0-9_.]+)'
_MAX_NAME = 200
_BEARPAW_LINKS = {**{name: name for name in ('bn1', 'conv1', 'bn2', 'conv2', 'bn3', 'conv3')}, 'downsample.0': 'conv0'}
_PRINCETON_LINKS = {**{f'bn{i}': f'bn{i}' for i in (1, 2, 3)}, **{f'conv{i}.conv': f'conv{i}' for i in (1, 2, 3)},
                    'skip_layer.conv': 'conv0'}
_BEARPAW_BRANCHES = ('upper', 'lower_in', 'lower_out', 'inner')


def _next(number: str) -> int:
    """Stacks are counted from 0 in PyTorch and from 1 here."""
    return int(number) + 1


def _bearpaw_hourglass(match: re.Match[str], depth: int) -> str:
    level, branch = int(match['level']), _BEARPAW_BRANCHES[int(match['branch'])]
    return f'hg{_next(match["i"])}/{"inner/" * (depth - 1 - level)}{branch}/{match["module"]}/'


def _princeton_hourglass(match: re.Match[str], depth: int) -> str:
    branch = {'up1': 'upper', 'low1': 'lower_in', 'low3': 'lower_out', None: 'inner'}[match['branch']]
    # The lowest residual module is a low2 itself.
    inner = 'inner/' * (match['inner'].count('low2.') - (branch == 'inner'))
    return f'hg{_next(match["i"])}/{inner}{branch}/0/'


@dataclass(frozen=True)
class Layout:
    """The names of one port.

    Attributes:
        name: whose it is.
        anchors: keys that every file has, and nothing else.
        links: names of the links of a residual module.
        residuals: patterns of residual modules (a group ``link``, others for the function), and what stands before the
            link's name here: a function of the match and of the hourglass's depth.
        others: patterns of the other links and their names here.
        depth: how often an hourglass halves the resolution, from the keys.
        has_unused_skips: whether residual modules of equal channels have a skip layer, which is not used.
        spec: what is known of the weights besides (entries of a ``ModelSpec``).
    """

    name: str
    anchors: tuple[str, ...]
    links: dict[str, str]
    residuals: tuple[tuple[str, Callable[[re.Match[str], int], str]], ...]
    others: tuple[tuple[str, Callable[[re.Match[str]], str]], ...]
    depth: Callable[[Iterable[str]], int]
    has_unused_skips: bool = False
    spec: dict[str, Any] = field(default_factory=dict)


def _starts(pattern: str, keys: Iterable[str]) -> list[str]:
    return [match[0] for key in keys if (match := re.match(pattern, key))]


def _constant(text: str) -> Callable[..., str]:
    return lambda *_: text


def _numbered(text: str) -> Callable[..., str]:
    return lambda match, *_: text.format(_next(match['i']))


BEARPAW = Layout(
    name='bearpaw',
    anchors=('hg.0.hg.0.0.0.conv1.weight', 'score.0.weight'),
    links=_BEARPAW_LINKS,
    residuals=(
        (rf'layer1\.0\.{_LINK}', _constant('res0/')),
        (rf'layer2\.0\.{_LINK}', _constant('res1/')),
        (rf'layer3\.0\.{_LINK}', _constant('res2/')),
        (rf'hg\.{_STACK}\.hg\.(?P<level>[0-9]+)\.(?P<branch>[0-3])\.{_MODULE}\.{_LINK}', _bearpaw_hourglass),
        (rf'res\.{_STACK}\.{_MODULE}\.{_LINK}',
         lambda match, _: f'after{_next(match["i"])}/{match["module"]}/'),
    ),
    others=(
        (r'conv1', _constant('conv0')),
        (r'bn1', _constant('bn0')),
        (rf'fc\.{_STACK}\.0', _numbered('feature{}')),
        (rf'fc\.{_STACK}\.1', _numbered('feature_bn{}')),
        (rf'score\.{_STACK}', _numbered('output{}')),
        (rf'fc_\.{_STACK}', _numbered('merge_feature{}')),
        (rf'score_\.{_STACK}', _numbered('merge_output{}')),
    ),
    depth=lambda keys: len(set(_starts(r'hg\.0\.hg\.[0-9]+\.', keys))),
    spec={'mean': (0.4404, 0.4440, 0.4327)},
)

PRINCETON = Layout(
    name='princeton',
    anchors=('hgs.0.0.up1.conv1.conv.weight', 'outs.0.conv.weight'),
    links=_PRINCETON_LINKS,
    residuals=(
        (rf'pre\.1\.{_LINK}', _constant('res0/')),
        (rf'pre\.3\.{_LINK}', _constant('res1/')),
        (rf'pre\.4\.{_LINK}', _constant('res2/')),
        (rf'hgs\.{_STACK}\.0\.(?P<inner>(?:low2\.)*)(?:(?P<branch>up1|low1|low3)\.)?{_LINK}', _princeton_hourglass),
        (rf'features\.{_STACK}\.0\.{_LINK}', lambda match, _: f'after{_next(match["i"])}/0/'),
    ),
    others=(
        (r'pre\.0\.conv', _constant('conv0')),
        (r'pre\.0\.bn', _constant('bn0')),
        (rf'features\.{_STACK}\.1\.conv', _numbered('feature{}')),
        (rf'features\.{_STACK}\.1\.bn', _numbered('feature_bn{}')),
        (rf'outs\.{_STACK}\.conv', _numbered('output{}')),
        (rf'merge_features\.{_STACK}\.conv\.conv', _numbered('merge_feature{}')),
        (rf'merge_preds\.{_STACK}\.conv\.conv', _numbered('merge_output{}')),
    ),
    depth=lambda keys: max(start.count('low2.') for start in _starts(r'hgs\.0\.0\.(low2\.)*', keys)),
    has_unused_skips=True,
)

LAYOUTS = (BEARPAW, PRINCETON)


def _link_here(layout: Layout, link: str, depth: int) -> str | None:
    """Return what a link of a port is called here, or None."""
    for pattern, name in layout.others:
        if match := re.fullmatch(pattern, link):
            return name(match)
    for pattern, prefix in layout.residuals:
        if (match := re.fullmatch(pattern, link)) and match['link'] in layout.links:
            return prefix(match, depth) + layout.links[match['link']]
    return None


def rename(layout: Layout, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of a ``state_dict`` their keys in a weights file.

    Args:
        layout: whose names they have.
        tensors: by these names.

    Raises:
        InputError: names that are not of this layout.
    """
    depth = layout.depth(tensors)
    renamed: dict[str, Tensor] = {}
    unknown = []
    for name, tensor in tensors.items():
        link, _, array = name.rpartition('.')
        here = _link_here(layout, link, depth) if len(name) <= _MAX_NAME else None
        is_normalization = here is not None and 'bn' in here.rpartition('/')[2]
        arrays = _NORMALIZATION if is_normalization else _CONVOLUTION
        if here is None or array not in arrays or (key := f'{here}/{arrays[array]}') in renamed:
            unknown.append(name)
        else:
            renamed[key] = tensor
    if unknown:
        raise InputError(f'{counted(len(unknown), "name")} not of the {layout.name} layout, such as '
                         f'{printable(unknown[0])}')
    return _without_unused_skips(renamed) if layout.has_unused_skips else renamed


def _without_unused_skips(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    def is_unused(key: str) -> bool:
        module, _, link = key.rpartition('/conv0/')
        first, last = tensors.get(f'{module}/conv1/W'), tensors.get(f'{module}/conv3/W')
        return (bool(module) and bool(link) and first is not None and last is not None
                and first.shape[1:2] == last.shape[:1])

    return {key: tensor for key, tensor in tensors.items() if not is_unused(key)}


def find_state(value: Any) -> tuple[Layout, dict[str, Tensor]]:
    """Find the network in what a file holds: a ``state_dict``, or a checkpoint with one in it.

    Args:
        value: from :class:`~pretrained.pytorch.archive.TorchFile`.

    Returns:
        The layout, and the tensors by its names, without prefixes such as ``module.``.

    Raises:
        InputError: there is no network of a known layout, or more than one.
    """
    found = [(layout, state, prefix) for state in _dictionaries(value) for layout in LAYOUTS
             for prefix in _prefixes(layout, state)]
    if not found:
        raise InputError(_nothing_found(value))
    if len(found) > 1:
        raise InputError(f'holds {len(found)} networks')
    layout, state, prefix = found[0]
    tensors = {key[len(prefix):]: tensor for key, tensor in state.items() if key.startswith(prefix)}
    if wrong := [key for key, tensor in tensors.items() if not isinstance(tensor, Tensor)]:
        raise InputError(f'{printable(wrong[0])} is not a tensor')
    return layout, tensors


def _dictionaries(value: Any) -> list[dict[str, Any]]:
    """Return a dictionary and those in it and in these, each once: a damaged file may hold one in many places."""
    found: dict[int, dict[str, Any]] = {}
    level = [value]
    for _ in range(3):
        new = {id(entry): entry for entry in level if isinstance(entry, dict) and id(entry) not in found}
        found |= new
        level = [entry for state in new.values() for entry in state.values()]
    return list(found.values())


def _prefixes(layout: Layout, state: Mapping[str, Any]) -> set[str]:
    anchor = layout.anchors[0]
    starts = {key[:-len(anchor)] for key in state if key == anchor or key.endswith(f'.{anchor}')}
    return {start for start in starts if all(start + name in state for name in layout.anchors)}


def _nothing_found(value: Any) -> str:
    expected = f'expected a stacked hourglass in the layout {" or ".join(layout.name for layout in LAYOUTS)}'
    if isinstance(value, Tensor):
        return f'{expected}, found a single tensor'
    if not isinstance(value, dict):
        return f'{expected}, found a {type(value).__name__}'
    inner = next((state for state in _dictionaries(value)
                  if any(isinstance(entry, Tensor) for entry in state.values())), value)
    names = ', '.join(printable(name) for name in list(inner)[:3])
    return f'{expected}, found {len(inner)} entries that begin with {names}' if inner else f'{expected}, found nothing'
