from __future__ import annotations

from hourglass.spec import ModelSpec
from hourglass.training.loss import TrainChain, heatmap_loss

import chainer
import numpy as np
import pytest
from chainer import gradient_check

SMALL = ModelSpec(n_stack=2, width=8, layer_num=1, input_size=(32, 32))


def _batch(n: int = 3, k: int = 4, dtype: type = np.float64) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    outputs = [rng.normal(size=(n, k, 5, 6)).astype(dtype) for _ in range(2)]
    return outputs, rng.uniform(size=(n, k, 5, 6)).astype(dtype), rng.random((n, k)) < .6


def test_the_loss_is_half_the_mean_over_annotated_joints() -> None:
    outputs, targets, labelled = _batch()
    expected = 0.5 * np.mean([
        sum(((output[i, j] - targets[i, j]) ** 2).sum() for output in outputs)
        for i, j in zip(*np.nonzero(labelled), strict=True)])
    assert float(heatmap_loss(tuple(outputs), targets, labelled).array) == pytest.approx(expected)  # type: ignore[arg-type]


def test_its_gradient_is_right_and_ignores_joints_without_annotation() -> None:
    outputs, targets, labelled = _batch()
    gradient_check.check_backward(lambda a, b: heatmap_loss((a, b), targets, labelled), tuple(outputs), None,
                                  dtype=np.float64)
    x = chainer.Variable(outputs[0])
    heatmap_loss((x,), targets, labelled).backward()
    assert not x.grad[~labelled].any()
    assert x.grad[labelled].all()


def test_a_batch_without_annotations_has_no_loss() -> None:
    outputs, targets, labelled = _batch()
    assert float(heatmap_loss(tuple(outputs), targets, np.zeros_like(labelled)).array) == 0  # type: ignore[arg-type]


def test_training_steps_lower_the_loss() -> None:
    np.random.seed(0)
    chain = TrainChain(SMALL.build_network(), SMALL)
    optimizer = chainer.optimizers.RMSprop(lr=2.5e-4).setup(chain)
    rng = np.random.default_rng(0)
    batch = (rng.uniform(size=(2, 3, 32, 32)).astype(np.float32),
             rng.uniform(size=(2, 16, 8, 8)).astype(np.float32), np.ones((2, 16), bool))
    losses = []
    for _ in range(15):
        optimizer.update(chain, *batch)
        with chainer.no_backprop_mode():
            losses.append(float(chain(*batch).array))
    assert losses[-1] < 0.9 * losses[0]
