from __future__ import annotations

import math

from demos.video.smoothing import BETA, OneEuroFilter, PoseSmoother

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


@pytest.mark.parametrize('beta', [3.0, BETA])
@pytest.mark.parametrize('speed', [0.1, 5.0])
def test_what_moves_is_not_left_behind(speed: float, beta: float) -> None:
    one_euro, height = OneEuroFilter(beta=beta), 200.0
    times = np.arange(120) / 30
    path = np.stack([times * speed * height, np.zeros_like(times)], axis=1)
    lag = [point[0] - one_euro(point[None], time, height)[0, 0] for point, time in zip(path, times, strict=True)]
    bound = height / (2 * math.pi * beta)
    assert 0 < lag[-1] <= bound
    # When it sets off from rest, the speed is not known yet.
    assert max(lag) < max(3 * bound, 0.5 * speed * height / 30)


def test_every_joint_has_its_own_speed() -> None:
    one_euro, rng = OneEuroFilter(), np.random.default_rng(2)
    tremble = rng.normal(0, 1, 90)
    out = np.array([one_euro(np.array([[t, 0.0], [i * 20.0, 0.0]]), i / 30, 100) for i, t in enumerate(tremble)])
    assert out[30:, 0, 0].std() < 0.5 * tremble[30:].std()
    assert out[-1, 1, 0] > 88 * 20


def test_people_do_not_mix() -> None:
    smoother = PoseSmoother(memory=1.0)
    a, b = np.zeros((3, 2)), np.full((3, 2), 100.0)
    smoother.update([1, 2], [a, b], 0.0, [50, 50])
    second = smoother.update([2, 1], [b, a], 0.1, [50, 50])
    np.testing.assert_array_equal(second[0], b)
    np.testing.assert_array_equal(second[1], a)


def test_a_person_forgotten_starts_anew() -> None:
    smoother = PoseSmoother(memory=1.0)
    start, end = np.zeros((3, 2)), np.full((3, 2), 100.0)
    smoother.update([1], [start], 0.0, [50])
    smoother.update([], [], 2.0, [])
    np.testing.assert_array_equal(smoother.update([1], [end], 2.1, [50])[0], end)
