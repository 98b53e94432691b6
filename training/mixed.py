"""Training in half precision (Micikevicius et al.: *Mixed Precision Training*, ICLR 2018).

The network computes with 16-bit numbers and Chainer's own functions; parameters, running statistics, the loss and the
optimiser's state stay 32-bit numbers, and so do snapshots and weights files.  Validation and prediction are not
affected.  The loss is multiplied by a factor before the backward pass, so that small gradients do not vanish; the
optimiser divides by it.
"""

from __future__ import annotations

from typing import Any

from chainer.training import Extension, Trainer


class LossScale(Extension):
    """Let Chainer find the factor of the loss, and keep it in snapshots.

    The factor doubles with each step until a gradient overflows; such a step only halves the factor.  Later it doubles
    every 1,000 steps.

    Args:
        optimizer: set up.
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        optimizer.loss_scaling()

    def __call__(self, trainer: Trainer) -> None:
        """Do nothing; the factor is changed by the optimiser."""

    def serialize(self, serializer: Any) -> None:
        optimizer = self.optimizer
        optimizer._loss_scale = float(serializer('scale', optimizer._loss_scale))
        optimizer._loss_scaling_isnan_ever = bool(serializer('was_too_large', optimizer._loss_scaling_isnan_ever))
