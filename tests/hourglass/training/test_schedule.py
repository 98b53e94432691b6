from __future__ import annotations

from hourglass.training.schedule import OPTIMIZERS, cosine, step

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
