"""What training minimises."""

from __future__ import annotations

from typing import Any

from hourglass.network import StackedHG
from hourglass.spec import ModelSpec

import chainer
import chainer.functions as F
import numpy as np
from chainer import Variable, reporter


def heatmap_loss(outputs: tuple[Variable, ...], heatmaps: Any, labelled: Any) -> Variable:
    """Half the squared error of all stacks, summed over the pixels, averaged over the annotated joints.

    Args:
        outputs: one (N, K, H, W) for each stack.
        heatmaps: (N, K, H, W) targets.
        labelled: (N, K) bool; joints that are not annotated do not count.

    Returns:
        Scalar.  Zero if no joint of the batch is annotated.
    """
    xp = chainer.backend.get_array_module(labelled)
    weight = labelled.astype(heatmaps.dtype)[:, :, None, None]
    total = sum(F.sum(F.square((output - heatmaps) * weight)) for output in outputs)
    return total * (0.5 / xp.maximum(weight.sum(), 1))


class TrainChain(chainer.Chain):
    """The network with its loss, for a Chainer updater.

    Args:
        predictor: the network; its parameters are saved under ``predictor/``.
        spec: sizes, joints and preprocessing; saved along, so that a snapshot can be used like a weights file.
    """

    def __init__(self, predictor: StackedHG, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        with self.init_scope():
            self.predictor = predictor

    def forward(self, imgs: Any, heatmaps: Any, labelled: Any) -> Variable:
        """Return the loss of a batch of :class:`data.transform.TrainTransform`'s samples, and report it."""
        loss = heatmap_loss(self.predictor(imgs), heatmaps, labelled)
        reporter.report({'loss': loss}, self)
        return loss

    def serialize(self, serializer: Any) -> None:
        super().serialize(serializer)
        if isinstance(serializer, chainer.Serializer):
            serializer('meta', np.array(self.spec.to_json()))
