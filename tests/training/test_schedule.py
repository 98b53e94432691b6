from __future__ import annotations

from training.schedule import OPTIMIZERS, cosine, step

import chainer
import numpy as np
import pytest


def test_the_published_schedule_drops_once() -> None:
    assert [step(epoch / 100) for epoch in (0, 69.9, 70, 99)] == [1, 1, 0.2, 0.2]


def test_the_cosine_rises_and_falls_to_zero() -> None:
    assert 0 < cosine(0) < 0.1
    assert cosine(0.01) == pytest.approx(1)
    assert cosine(0.505) == pytest.approx(0.5)
    assert cosine(1) == pytest.approx(0)
    values = [cosine(i / 100) for i in range(1, 101)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_the_learning_rate_reaches_the_optimiser(name: str) -> None:
    entry = OPTIMIZERS[name]
    optimizer = entry.create(0.125)
    assert getattr(optimizer, entry.attribute) == 0.125
    assert type(optimizer).__module__ == 'training.optimizers'


def test_weight_decay_falls_with_the_learning_rate() -> None:
    entry = OPTIMIZERS['adamw']
    link = chainer.Link()
    with link.init_scope():
        link.w = chainer.Parameter(np.ones(3, np.float32))
    optimizer = entry.create(0.5).setup(link)

    def step_without_gradient(lr: float) -> np.ndarray:
        entry.set_rate(optimizer, lr)
        link.w.grad = np.zeros(3, np.float32)
        optimizer.update()
        return link.w.array.copy()

    np.testing.assert_allclose(step_without_gradient(0.5), 1 - 0.5 * 0.01, rtol=1e-6)
    before = link.w.array.copy()
    np.testing.assert_array_equal(step_without_gradient(0.0), before)
