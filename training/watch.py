"""Checks of a running training: a loss that is not finite, and the best weights so far."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pretrained
from data.sampling import SampleIterator
from data.sets import parts_of
from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from training.distributed import Communicator

import numpy as np
from chainer import reporter
from chainer.training import Extension, Trainer

#: What :class:`training.evaluator.PoseEvaluator` reports.
SCORE = 'validation/main/pck'
#: What :class:`BestWeights` reports.
BEST_SCORE = 'validation/main/best'
BEST_EPOCH = 'validation/main/best_epoch'
#: The loss of a GPU's part of the batch, by the names of :func:`training.trainer._updater`.
_LOSS = re.compile(r'(main|gpu \d+)/loss')


def sample_name(dataset: Any, index: int) -> str:
    """Return the data set and image of a sample of one or several joined data sets."""
    for part in parts_of(dataset):
        if index < len(part):
            break
        index -= len(part)
    return f'{part.name} {part.people[index].image}'


class StopAtBadLoss(Extension):
    """End the training when the loss is not finite, before the state is written anywhere.

    Args:
        iterator: has the indices of the last batch.
        comm: the processes that share a batch. Their mean, the loss of the whole batch, is what is reported.
    """

    # Before everything else.
    priority = 1000

    def __init__(self, iterator: SampleIterator, comm: Communicator | None = None) -> None:
        self.iterator = iterator
        self.comm = comm or Communicator()

    def __call__(self, trainer: Trainer) -> None:
        loss = self._whole_loss(trainer.observation)
        mean = trainer.observation['main/loss'] = self.comm.mean(loss)
        if math.isfinite(float(mean)):
            return
        with self.comm.raise_on_all():
            if not math.isfinite(float(loss)):
                raise InputError(self._message(float(loss), trainer.updater))

    @staticmethod
    def _whole_loss(observation: dict[str, Any]) -> Any:
        """Return the loss of this process's batch: the mean over the GPUs that share it."""
        losses = [getattr(loss, 'array', loss) for key, loss in observation.items() if _LOSS.fullmatch(key)]
        return losses[0] if len(losses) == 1 else np.mean([float(loss) for loss in losses])

    def _message(self, loss: float, updater: Any) -> str:
        people = self.iterator.dataset.dataset
        names = ', '.join(sample_name(people, int(index) % len(people)) for index in self.iterator.indices)
        return (f'the loss is {loss} at iteration {updater.iteration}, epoch {updater.epoch + 1}, with the samples '
                f'{names}; a lower --lr may help')


class BestWeights(Extension):
    """Keep the weights with the highest validation score as ``best.npz``; reported as :data:`BEST_SCORE`.

    Args:
        path: the file.
        network: what is saved.
        spec: of the network.
    """

    # After validation, before the log.
    priority = 250

    def __init__(self, path: Path, network: Any, spec: ModelSpec) -> None:
        self.path, self.network, self.spec = path, network, spec
        self.score = -math.inf
        self.epoch = 0

    def __call__(self, trainer: Trainer) -> None:
        score = trainer.observation.get(SCORE, math.nan)
        if score > self.score:
            pretrained.save_model(self.path, self.network, self.spec)
            self.score, self.epoch = float(score), trainer.updater.epoch
        if self.epoch:
            reporter.report({BEST_SCORE: self.score, BEST_EPOCH: self.epoch})

    def serialize(self, serializer: Any) -> None:
        state = serializer('state', json.dumps([self.score, self.epoch]))
        self.score, self.epoch = json.loads(str(state))[:2]
