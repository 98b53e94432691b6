"""Losses of heatmaps.

Every loss compares a heatmap o with its target t and gives one number l for each person n, joint k and stack s.
Training minimises their weighted mean over the annotated joints of the batch, summed over the stacks::

    sum over n, k of m[n, k] w[k] sum over s of l[n, k, s]  /  sum over n, k of m[n, k] w[k]

where m is 1 for a joint that counts, and w are the weights of the joints, by default 1.  Annotated joints count; with
``ohkm``, only the hardest of each person's annotated joints with a weight above 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hourglass.config import number
from hourglass.errors import InputError
from hourglass.joint_names import standard_name
from hourglass.joints import JointSet
from hourglass.spec import ModelSpec

import chainer
import chainer.functions as F
import numpy as np
from chainer import Variable, reporter

#: A pixel with target t weighs 1 + FOREGROUND * t in the weighted squared error.
FOREGROUND = 10.0


def squared_error(output: Variable, target: Any) -> Variable:
    """Return (N, K): half the sum over the pixels of (o - t)^2, as in the reference."""
    return 0.5 * F.sum(F.square(output - target), axis=(2, 3))


def weighted_squared_error(output: Variable, target: Any) -> Variable:
    """Return (N, K): half the sum over the pixels of (1 + 10 t) (o - t)^2.

    A joint covers about 6 of the 4,096 cells of a heatmap; here its cells weigh up to eleven times as much.
    """
    return 0.5 * F.sum((1 + FOREGROUND * target) * F.square(output - target), axis=(2, 3))


def overlap_error(output: Variable, target: Any) -> Variable:
    """Return (N, K): 1 - sum(o t) / (sum(o^2) + sum(t^2) - sum(o t)), sums over the pixels.

    For maps of zeros and ones the fraction is intersection over union; this continuation to real numbers (the
    Tanimoto coefficient) is 1 at o = t only, and has a gradient everywhere for a target that is not empty.
    """
    shared = F.sum(output * target, axis=(2, 3))
    union = F.sum(F.square(output), axis=(2, 3)) + (target * target).sum(axis=(2, 3)) - shared
    # The union of an empty output with an empty target is zero.
    return 1 - shared / (union + 1e-6)


@dataclass(frozen=True)
class LossEntry:
    """One loss.

    Attributes:
        title: for the help.
        compare: called with one stack's output (N, K, H, W) and the targets; returns (N, K).
    """

    title: str
    compare: Callable[[Variable, Any], Variable]


LOSSES = {
    'mse': LossEntry('squared error, as in the reference', squared_error),
    'weighted-mse': LossEntry('squared error, pixels at a joint weigh more', weighted_squared_error),
    'iou': LossEntry('overlap of the heatmaps', overlap_error),
}


def hardest(errors: Any, labelled: Any, n_joints: int) -> Any:
    """Choose each person's hardest joints (Chen et al.: *Cascaded Pyramid Network*, CVPR 2018, section 3.3).

    Args:
        errors: (N, K), the loss of each joint.
        labelled: (N, K) bool.
        n_joints: how many joints of a person count.

    Returns:
        (N, K) bool: the annotated joints with the largest loss; of equal ones the first.
    """
    xp = chainer.backend.get_array_module(errors)
    order = xp.argsort(-xp.where(labelled, errors, -xp.inf), axis=1)
    rank = xp.argsort(order, axis=1)
    return labelled & (rank < n_joints)


@lru_cache
def _on_device(numbers: tuple[float, ...], dtype: Any, device: Any) -> Any:
    # A copy from the CPU's memory cannot be part of a recorded step (training.graph).
    return device.send(np.array(numbers, dtype))


@dataclass(frozen=True)
class HeatmapLoss:
    """The loss of a batch, by default that of the reference; the formula is in the module's docstring.

    Attributes:
        name: a key of :data:`LOSSES`.
        joint_weights: one number for each joint, not negative; ``None`` for 1.
        ohkm: number of joints of a person that count, the hardest ones by the sum over the stacks (online hard
            keypoint mining); ``None`` for all. Joints of weight 0 are left out.
        mean: called with the sum of a process's weights; returns its mean over the processes that share the batch.
            The mean of the losses and gradients of all processes is then that of the whole batch, also where their
            parts have unequal numbers of annotated joints.
    """

    name: str = 'mse'
    joint_weights: tuple[float, ...] | None = None
    ohkm: int | None = None
    mean: Callable[[Any], Any] | None = None

    def __call__(self, outputs: Sequence[Variable], heatmaps: Any, labelled: Any) -> Variable:
        """Compute the loss.

        Args:
            outputs: one (N, K, H, W) for each stack.
            heatmaps: (N, K, H, W) targets.
            labelled: (N, K) bool; joints that are not annotated do not count.

        Returns:
            Scalar.  Zero if no joint of the batch counts.
        """
        xp = chainer.backend.get_array_module(labelled)
        compare = LOSSES[self.name].compare
        errors = sum(compare(chainer.as_variable(output), heatmaps) for output in outputs)
        weights = None if self.joint_weights is None else _on_device(
            self.joint_weights, heatmaps.dtype, chainer.backend.get_device_from_array(heatmaps))
        if self.ohkm is not None:
            candidates = labelled if weights is None else labelled & (weights > 0)
            labelled = hardest(errors.array, candidates, self.ohkm)
        weight = labelled.astype(heatmaps.dtype)
        if weights is not None:
            weight = weight * weights
        total = weight.sum()
        if self.mean is not None:
            total = self.mean(total)
        # Both sums are zero if no joint counts.
        return F.sum(errors * weight) * (1 / xp.maximum(total, 1e-12))


def parse_joint_weights(texts: Sequence[str], joint_set: JointSet) -> tuple[float, ...] | None:
    """Read ``right wrist=2`` and the like, also ``r_wrist=2``; ``None`` if there is nothing to read.

    Raises:
        InputError: a text has another form, or the joint set has no such joint.
    """
    if not texts:
        return None
    places, weights = joint_set.places, [1.0] * len(joint_set)
    for text in texts:
        name, _, value = text.partition('=')
        place = places.get(name, places.get(standard_name(name)))
        if place is None:
            raise InputError(f'--joint-weights {text!r}: {joint_set.name} has no joint {name!r}; it has '
                             f'{", ".join(joint_set.joints)}')
        try:
            weights[place] = number(0)(value)
        except ValueError as error:
            raise InputError(f'--joint-weights {text!r}: a weight must be {error}') from None
    if not any(weights):
        raise InputError('--joint-weights: at least one joint must have a weight above 0')
    return tuple(weights)


class PredictorChain(chainer.Chain):
    """A network and its description. Both are saved, so that a snapshot can be used like a weights file.

    Args:
        predictor: the network; its parameters are saved under ``predictor/``.
        spec: sizes, joints and preprocessing, saved as ``meta``.
    """

    def __init__(self, predictor: Any, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        with self.init_scope():
            self.predictor = predictor

    def serialize(self, serializer: Any) -> None:
        super().serialize(serializer)
        if isinstance(serializer, chainer.Serializer):
            serializer('meta', np.array(self.spec.to_json()))


class TrainChain(PredictorChain):
    """The network with its loss, for a Chainer updater.

    Args:
        predictor: the network.
        spec: its description.
        loss: by default that of the reference.
        mixed: compute in half precision (:mod:`training.mixed`).
    """

    def __init__(
        self, predictor: Any, spec: ModelSpec, loss: HeatmapLoss | None = None, mixed: bool = False,
    ) -> None:
        super().__init__(predictor, spec)
        self.loss = loss or HeatmapLoss()
        self.mixed = mixed

    def forward(self, imgs: Any, heatmaps: Any, labelled: Any) -> Variable:
        """Return the loss of a batch of :class:`data.transform.TrainTransform`'s samples, and report it."""
        outputs = self.predictor(imgs.astype(np.float16) if self.mixed else imgs)
        if self.mixed:
            outputs = [F.cast(output, heatmaps.dtype) for output in outputs]
        loss = self.loss(outputs, heatmaps, labelled)
        reporter.report({'loss': loss}, self)
        return loss
