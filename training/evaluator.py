"""Validation during training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.person import Person, PersonDataset
from eval.predict import ground_truth, predict_dataset
from eval.reliability import calibrate
from eval.score import Score, relative_errors, reported_joints, score_at
from hourglass.predictor import PosePredictor
from training.distributed import Communicator

import numpy as np
from chainer import reporter
from chainer.training import Extension, Trainer


class PeopleSubset(PersonDataset):
    """Some people of a data set.

    Args:
        dataset: the set.
        indices: their numbers in it.
    """

    def __init__(self, dataset: PersonDataset, indices: Sequence[int]) -> None:
        people = [dataset.people[i] for i in indices]
        super().__init__(dataset.name, dataset.joint_set, people, dataset.image_folder)
        self._dataset, self._indices = dataset, indices

    def get_example(self, i: int) -> tuple[np.ndarray, Person]:
        return self._dataset[self._indices[i]]


class PoseEvaluator(Extension):
    """Report the mean rate of correct joints on a validation set after each epoch, as ``validation/main/pck``.

    Args:
        predictor: shares its network with the training.
        dataset: the people to predict.
        threshold: largest error of a correct joint, in reference lengths.
        comm: the processes that share the people; the score is the one that a single process finds.
    """

    # After the early snapshot, before the log, which collects what is reported.
    priority = 280

    def __init__(
        self, predictor: PosePredictor, dataset: PersonDataset, threshold: float, comm: Communicator | None = None,
    ) -> None:
        self.predictor = predictor
        self.threshold = threshold
        self.comm = comm or Communicator()
        # Whole batches, because the rounding of a matrix product depends on the number of people in it.
        starts = self.comm.part(range(0, len(dataset), predictor.batchsize))
        self.part = PeopleSubset(dataset, [i for start in starts for i in range(
            start, min(start + predictor.batchsize, len(dataset)))])

    def __call__(self, trainer: Trainer) -> None:
        # The weights that will be saved are evaluated: running statistics differ between processes.
        self.comm.share(self.predictor.network)
        reporter.report({'validation/main/pck': self.score()})

    def score(self) -> float:
        """Return the mean rate of correct joints over all people of the data set."""
        n_joints = len(self.predictor.spec.joint_set)
        score = Score(np.zeros(n_joints, int), np.zeros(n_joints, int))
        # With few people this process may have none.
        if len(self.part):
            points, _ = predict_dataset(self.predictor, self.part)
            score = score_at(relative_errors(points, *ground_truth(self.part)), self.threshold)
        score = Score(self.comm.sum(score.correct), self.comm.sum(score.count))
        return score.mean(reported_joints(self.predictor.spec.joint_set))


def calibrate_scores(source: Path, dataset: PersonDataset, threshold: float, out: Path) -> str:
    """Write weights again with scores fitted to a validation set, and return a line about it.

    Args:
        source: the weights.
        dataset: the validation people.
        threshold: largest error of a correct joint, in reference lengths.
        out: the file to write.
    """
    points, scores = predict_dataset(PosePredictor.load(str(source), engine='chainer'), dataset)
    return calibrate(scores, relative_errors(points, *ground_truth(dataset)), threshold, str(source), out)
