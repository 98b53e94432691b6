"""Validation during training."""

from __future__ import annotations

from data.person import PersonDataset
from eval.predict import ground_truth, predict_dataset
from eval.score import count_correct, reported_joints
from hourglass.predictor import PosePredictor

from chainer import reporter
from chainer.training import Extension, Trainer


class PoseEvaluator(Extension):
    """Report the mean rate of correct joints on a validation set after each epoch, as ``validation/main/pck``.

    Args:
        predictor: shares its network with the training.
        dataset: the people to predict.
        threshold: largest error of a correct joint, in reference lengths.
    """

    trigger = 1, 'epoch'
    default_name = 'validation'
    # Before the log, which takes up what is reported.
    priority = 300

    def __init__(self, predictor: PosePredictor, dataset: PersonDataset, threshold: float) -> None:
        self.predictor = predictor
        self.dataset = dataset
        self.threshold = threshold

    def __call__(self, trainer: Trainer) -> None:
        points, _ = predict_dataset(self.predictor, self.dataset)
        score = count_correct(points, *ground_truth(self.dataset), self.threshold)
        reported = reported_joints(self.predictor.spec.joint_set)
        reporter.report({'validation/main/pck': score.mean(reported)})
