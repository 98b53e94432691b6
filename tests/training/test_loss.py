from __future__ import annotations

from hourglass.errors import InputError
from hourglass.joint_names import infer
from hourglass.joints import MPII
from training.loss import LOSSES, HeatmapLoss, hardest, parse_joint_weights

import chainer
import numpy as np
import pytest
from chainer import gradient_check


def _batch(n: int = 3, k: int = 4, dtype: type = np.float64) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    outputs = [rng.normal(size=(n, k, 5, 6)).astype(dtype) for _ in range(2)]
    return outputs, rng.uniform(size=(n, k, 5, 6)).astype(dtype), rng.random((n, k)) < .6


def test_the_loss_is_half_the_mean_over_annotated_joints() -> None:
    outputs, targets, labelled = _batch()
    expected = 0.5 * np.mean([
        sum(((output[i, j] - targets[i, j]) ** 2).sum() for output in outputs)
        for i, j in zip(*np.nonzero(labelled), strict=True)])
    assert float(HeatmapLoss()(tuple(outputs), targets, labelled).array) == pytest.approx(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize('loss', [
    *(HeatmapLoss(name) for name in LOSSES),
    HeatmapLoss('weighted-mse', (1, 0, 2.5, 0.5)), HeatmapLoss('mse', (1, 0, 2.5, 0.5), 2), HeatmapLoss('iou', None, 1),
], ids=str)
def test_every_loss_has_the_gradient_of_its_values(loss: HeatmapLoss) -> None:
    outputs, targets, labelled = _batch()
    gradient_check.check_backward(lambda a, b: loss((a, b), targets, labelled), tuple(outputs), None,
                                  dtype=np.float64, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('name', LOSSES)
def test_every_loss_is_zero_and_least_at_the_target(name: str) -> None:
    outputs, targets, labelled = _batch()
    assert float(HeatmapLoss(name)([targets, targets], targets, labelled).array) == pytest.approx(0, abs=1e-6)
    assert float(HeatmapLoss(name)(outputs, targets, labelled).array) > 0.1  # type: ignore[arg-type]
    unlabelled = np.zeros_like(labelled)
    assert float(HeatmapLoss(name)(outputs, targets, unlabelled).array) == 0  # type: ignore[arg-type]
    empty = np.zeros_like(targets)
    x = chainer.Variable(empty.copy())
    HeatmapLoss(name)([x], empty, labelled).backward()
    assert np.isfinite(x.grad).all()


def _values(loss: HeatmapLoss, device: int = -1) -> float:
    with chainer.using_device(chainer.get_device(device)):
        outputs, targets, labelled = map(chainer.get_device(device).send, _batch())
        return float(loss(outputs, targets, labelled).array)  # type: ignore[arg-type]


def test_the_losses_are_their_formulas(device: int) -> None:
    outputs, targets, labelled = _batch()
    o, t = np.stack(outputs), targets[None]
    total = (-2, -1)
    shared = (o * t).sum(total)
    expected = {
        'mse': 0.5 * ((o - t) ** 2).sum(total),
        'weighted-mse': 0.5 * ((1 + 10 * t) * (o - t) ** 2).sum(total),
        'iou': 1 - shared / ((o ** 2).sum(total) + (t ** 2).sum(total) - shared),
    }
    weights = np.array([1, 0, 2.5, 0.5])
    for name, errors in expected.items():
        per_joint = errors.sum(0)
        assert _values(HeatmapLoss(name), device) == pytest.approx(per_joint[labelled].mean(), rel=1e-6)
        assert _values(HeatmapLoss(name, tuple(weights)), device) == pytest.approx(
            (per_joint * weights)[labelled].sum() / (labelled * weights).sum(), rel=1e-6)
        hard = [sorted(row[mask])[-2:] for row, mask in zip(per_joint, labelled, strict=True)]
        assert _values(HeatmapLoss(name, None, 2), device) == pytest.approx(np.concatenate(hard).mean(), rel=1e-6)


def test_hard_joints_are_annotated_ones() -> None:
    errors = np.array([[3., 9, 1, 5], [1, 1, 1, 1], [7, 8, 9, 6]])
    labelled = np.array([[1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]], bool)
    expected = [[1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(hardest(errors, labelled, 2), np.array(expected, bool))
    np.testing.assert_array_equal(hardest(errors, labelled, 99), labelled)


def test_a_joint_without_weight_is_none_of_the_hardest() -> None:
    targets = np.zeros((1, 3, 2, 2))
    output = targets + np.array([3., 2, 1])[:, None, None]
    labelled = np.ones((1, 3), bool)
    # Half the squared errors are 18, 8 and 2.
    assert float(HeatmapLoss('mse', (0, 1, 1), 1)([output], targets, labelled).array) == 8
    assert float(HeatmapLoss('mse', (0, 1, 1), 2)([output], targets, labelled).array) == 5


def test_joint_weights_are_read_by_name() -> None:
    assert parse_joint_weights([], MPII) is None
    weights = parse_joint_weights(['right wrist=2', 'head top=0'], MPII)
    assert weights[MPII.index('right wrist')] == 2
    assert weights[MPII.index('head top')] == 0
    assert sum(weights) == 16
    own = infer('own', ['nose', 'r wrist'])
    assert all(parse_joint_weights([text], own) == (1, 2) for text in ('r_wrist=2', 'right wrist=2', 'r wrist=2'))
    for text in ('nose=1', 'right wrist', 'right wrist=x', 'right wrist=-1', 'right wrist=nan'):
        with pytest.raises(InputError, match='--joint-weights'):
            parse_joint_weights([text], MPII)
