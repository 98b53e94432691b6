"""What looks after a training: the best weights so far, and a loss that is no number."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pretrained
from data.sampling import SampleIterator
from hourglass.errors import InputError
from hourglass.spec import ModelSpec

from chainer import reporter
from chainer.datasets import ConcatenatedDataset
from chainer.training import Extension, Trainer

#: What :class:`hourglass.training.evaluator.PoseEvaluator` reports.
SCORE = 'validation/main/pck'


def sample_name(dataset: Any, index: int) -> str:
    """Return the data set and image of a sample of one or several joined data sets."""
    if isinstance(dataset, ConcatenatedDataset):
        for part in dataset._datasets:
            if index < len(part):
                return sample_name(part, index)
            index -= len(part)
    return f'{dataset.name} {dataset.people[index].image}'


class StopAtBadLoss(Extension):
    """End the training when the loss is infinite or not a number, before the state is written anywhere.

    Args:
        iterator: knows the last batch.
        folder: where the snapshots lie.
    """

    # Before everything else.
    priority = 1000

    def __init__(self, iterator: SampleIterator, folder: Path) -> None:
        self.iterator = iterator
        self.folder = folder

    def __call__(self, trainer: Trainer) -> None:
        loss = trainer.observation.get('main/loss')
        value = 0.0 if loss is None else float(getattr(loss, 'array', loss))
        if math.isfinite(value):
            return
        people = self.iterator.dataset.dataset
        names = ', '.join(sample_name(people, int(index) % len(people)) for index in self.iterator.indices)
        raise InputError(f'the loss is {value} at iteration {trainer.updater.iteration}, epoch '
                         f'{trainer.updater.epoch + 1}, with the samples {names}; the snapshots in {self.folder} are '
                         'from before')


class BestWeights(Extension):
    """Keep the weights with the highest validation score as ``best.npz``; the log gets ``validation/main/best``.

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
            self.score, self.epoch = float(score), trainer.updater.epoch
            pretrained.save_model(self.path, self.network, self.spec)
        if self.epoch:
            reporter.report({'validation/main/best': self.score, 'validation/main/best_epoch': self.epoch})

    def serialize(self, serializer: Any) -> None:
        state = serializer('state', json.dumps([self.score, self.epoch]))
        self.score, self.epoch = json.loads(state)
