"""Fine-tuning: network and initial weights, frozen parameters, learning rates of single parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from hourglass.config import number
from hourglass.errors import InputError
from hourglass.joints import JointSet
from hourglass.parameters import structure_of
from hourglass.spec import CROP_ENTRIES, ModelSpec
from pretrained.weights_file import Model, values_of
from training.config import TrainConfig

import chainer
import numpy as np
from chainer.serializers import NpzDeserializer

#: Settings of the network, and the entries of a specification that they set.
_SIZES = {'stacks': 'n_stack', 'width': 'width', 'depth': 'layer_num'}


def make_spec(config: TrainConfig, init: Model | None, joint_set: JointSet) -> ModelSpec:
    """Return the network of the settings, with these joints.

    Open settings are taken from the initial weights, and so is the mean that is subtracted.

    Raises:
        InputError: the settings name impossible sizes, or other sizes than those of the weights.
    """
    base = init.spec if init is not None else ModelSpec()
    size, depth = config.input_size or base.input_size[0], config.depth or base.layer_num
    if size % (step := 4 * 2 ** depth):
        raise InputError(f'--input-size {size}: with --depth {depth} it must be a multiple of {step}')
    for option, entry in _SIZES.items():
        wanted = getattr(config, option)
        if init is None or wanted in (None, getattr(base, entry)):
            continue
        if option != 'stacks' or wanted < base.n_stack:
            raise InputError(f'--{option} {wanted}: {init.source} has {getattr(base, entry)}')
        if base.network != 'StackedHG' or base.n_stack == 1:
            raise InputError(f'--stacks {wanted}: {init.source} has {base.n_stack}; only a StackedHG with two stacks '
                             'or more can have more')
    sizes: dict[str, Any] = {entry: getattr(config, option) for option, entry in _SIZES.items()
                             if getattr(config, option) is not None}
    if config.input_size is not None:
        sizes['input_size'] = (config.input_size, config.input_size)
    base = base.with_decoding(config.decoding, 'the initial network')
    chosen = {name: getattr(config, name) for name in (*CROP_ENTRIES, 'align_corners')
              if getattr(config, name) is not None}
    return replace(base, joints=joint_set, out_channels=len(joint_set), confidence=(), **chosen, **sizes)


def _of_stack(values: dict[str, Any], stack: int) -> dict[str, Any]:
    """Return the arrays of one stack, by their keys with ``{}`` for its number."""
    pattern = re.compile(rf'(hg|conv|bn){stack}(?=[_/])')
    return {pattern.sub(r'\1{}', key, count=1): value for key, value in values.items() if pattern.match(key)}


def with_more_stacks(values: dict[str, Any], spec: ModelSpec, n_stack: int) -> dict[str, Any]:
    """Insert stacks before the last one, initialised as copies of it.

    The last stack has twice as many features as the others: a copy keeps those with the largest weights for its
    heatmaps.  The layers that pass features and heatmaps to the next stack are copied from the stack before.

    Args:
        values: the arrays of a ``StackedHG`` with two stacks or more.
        spec: of that network.
        n_stack: number of stacks wanted.

    Returns:
        The arrays of the larger network.
    """
    last, before = _of_stack(values, spec.n_stack), _of_stack(values, spec.n_stack - 1)
    strength = np.abs(last['conv{}_3a/W']).sum(axis=(0, 2, 3))
    kept = np.sort(np.argsort(-strength, kind='stable')[:spec.width])
    copy = dict(last)
    for key, value in last.items():
        if key.startswith(('conv{}_2/', 'bn{}_2/')) and value.ndim:
            copy[key] = value[kept]
    copy['conv{}_3a/W'] = copy['conv{}_3a/W'][:, kept]
    copy |= {key: value for key, value in before.items() if key.startswith(('conv{}_3b/', 'conv{}_4a/'))}
    stacks = {**dict.fromkeys(range(spec.n_stack, n_stack), copy), n_stack: last}
    return {**values, **{key.format(i): value for i, stack in stacks.items() for key, value in stack.items()}}


def copy_common(init: Model, network: Any, spec: ModelSpec) -> list[str]:
    """Copy weights into a network of the same sizes, joint by joint where the joint sets differ.

    Args:
        init: the weights; with two stacks or more, the network may have more of them (:func:`with_more_stacks`).
        network: is changed; parameters of joints that ``init`` does not have keep their random values.
        spec: of the network.

    Returns:
        Names of the joints that ``init`` does not have.
    """
    places = init.spec.joint_set.places_of(spec.joint_set)
    source = [place for place in places if place is not None]
    target = [i for i, place in enumerate(places) if place is not None]
    values, own = dict(init.arrays), values_of(network)
    if spec.n_stack > init.spec.n_stack:
        values = with_more_stacks(values, init.spec, spec.n_stack)
    for key, axis in _joint_axes(spec).items():
        array = np.array(own[key])
        np.moveaxis(array, axis, 0)[target] = np.moveaxis(values[key], axis, 0)[source]
        values[key] = array
    NpzDeserializer(values).load(network)
    return [joint for joint, place in zip(spec.joint_set.joints, places, strict=True) if place is None]


def _joint_axes(spec: ModelSpec) -> dict[str, int]:
    """Return which arrays of a network have an axis of joints, and which axis it is."""
    structure = structure_of(spec)
    axes = {f'{output.key}/{name}': 0 for output in structure.outputs for name in ('W', 'b')}
    return axes | {f'{operation.key}/W': 1 for operation in structure.operations
                   if operation.kind == 'conv' and operation.inputs[0] in structure.outputs}


def _matching(network: Any, pattern: str, option: str) -> list[tuple[str, chainer.Parameter]]:
    found = [(name.lstrip('/'), parameter) for name, parameter in network.namedparams()
             if fnmatchcase(name.lstrip('/'), pattern)]
    if not found:
        raise InputError(f'{option} {pattern!r} fits no parameter; names are like conv0/W and hg1/res1a_1/conv1/W')
    return found


def freeze(network: Any, patterns: Sequence[str]) -> None:
    """Keep parameters as they are.  The running statistics of batch normalisation still follow the data.

    Args:
        network: with an optimiser.
        patterns: shell patterns for the keys of weights files; ``*`` also matches slashes.

    Raises:
        InputError: a pattern fits no parameter, or nothing is left to train.
    """
    for pattern in patterns:
        for _, parameter in _matching(network, pattern, '--freeze'):
            parameter.update_rule.enabled = False
    if not any(parameter.update_rule.enabled for parameter in network.params()):
        raise InputError(f'--freeze {" ".join(patterns)}: no parameter is left to train')


def parse_scales(network: Any, texts: Sequence[str]) -> list[tuple[Any, float]]:
    """Read ``PATTERN=FACTOR``; return the hyperparameters that differ and their factors, each parameter once."""
    scales: dict[str, tuple[Any, float]] = {}
    for text in texts:
        pattern, _, value = text.rpartition('=')
        try:
            factor = number(0, above=True)(value)
        except ValueError as error:
            raise InputError(f'--lr-scale {text!r}: the factor must be {error}') from None
        for name, parameter in _matching(network, pattern, '--lr-scale'):
            scales.setdefault(name, (parameter.update_rule.hyperparam, factor))
    return list(scales.values())
