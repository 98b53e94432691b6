"""When extensions run.  Chainer's own triggers keep a state in snapshots; these have none, so that an extension may
be added to or left out of a training that is resumed."""

from __future__ import annotations

from chainer.training import Trainer


def each_iteration(trainer: Trainer) -> bool:
    return True


def each_epoch(trainer: Trainer) -> bool:
    return trainer.updater.is_new_epoch
