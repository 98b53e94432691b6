from __future__ import annotations

import math

from demos.video.smoothing import OneEuroFilter

import numpy as np
import pytest


def _by_definition(values: list[float], times: list[float], min_cutoff: float, beta: float) -> list[float]:
    """Algorithm 1 of the paper, for one number at a time."""
    def alpha(seconds: float, cutoff: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau / seconds)

    out, speed = [values[0]], 0.0
    for i in range(1, len(values)):
        seconds = times[i] - times[i - 1]
        a = alpha(seconds, 1.0)
        speed = a * (values[i] - out[-1]) / seconds + (1 - a) * speed
        a = alpha(seconds, min_cutoff + beta * abs(speed))
        out.append(a * values[i] + (1 - a) * out[-1])
    return out


@pytest.mark.parametrize(('min_cutoff', 'beta'), [(1.0, 0.0), (0.3, 0.05), (2.0, 3.0)])
def test_the_definition(min_cutoff: float, beta: float) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.08, 60)).tolist()
    values = (np.sin(np.array(times) * 3) * 40 + rng.normal(0, 2, 60)).tolist()
    one_euro = OneEuroFilter(min_cutoff, beta)
    ours = [one_euro(np.array([[value]]), time).item() for value, time in zip(values, times, strict=True)]
    np.testing.assert_allclose(ours, _by_definition(values, times, min_cutoff, beta), rtol=1e-12)


def test_every_joint_has_its_own_speed() -> None:
    one_euro, rng = OneEuroFilter(), np.random.default_rng(2)
    tremble = rng.normal(0, 1, 90)
    out = np.array([one_euro(np.array([[t, 0.0], [i * 20.0, 0.0]]), i / 30, 100) for i, t in enumerate(tremble)])
    assert out[30:, 0, 0].std() < 0.5 * tremble[30:].std()
    assert out[-1, 1, 0] > 88 * 20
