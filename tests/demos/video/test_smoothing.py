from __future__ import annotations

import math

from demos.video.smoothing import BETA, OneEuroFilter, PoseSmoother

import numpy as np
import pytest


def _by_definition(values: list[float], times: list[float], min_cutoff: float, beta: float, d_cutoff: float,
                   ) -> list[float]:
    """Algorithm 1 of the paper, for one number at a time."""
    def alpha(seconds: float, cutoff: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau / seconds)

    out, speed = [values[0]], 0.0
    for i in range(1, len(values)):
        seconds = times[i] - times[i - 1]
        a = alpha(seconds, d_cutoff)
        speed = a * (values[i] - out[-1]) / seconds + (1 - a) * speed
        a = alpha(seconds, min_cutoff + beta * abs(speed))
        out.append(a * values[i] + (1 - a) * out[-1])
    return out


@pytest.mark.parametrize(('min_cutoff', 'beta', 'd_cutoff'), [(1.0, 0.0, 1.0), (0.3, 0.05, 2.0), (2.0, 3.0, 1.0)])
def test_the_definition(min_cutoff: float, beta: float, d_cutoff: float) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.08, 60)).tolist()
    values = (np.sin(np.array(times) * 3) * 40 + rng.normal(0, 2, 60)).tolist()
    one_euro = OneEuroFilter(min_cutoff, beta, d_cutoff)
    ours = [one_euro(np.array([[value]]), time).item() for value, time in zip(values, times, strict=True)]
    np.testing.assert_allclose(ours, _by_definition(values, times, min_cutoff, beta, d_cutoff), rtol=1e-12)


def test_what_stands_still_stays() -> None:
    one_euro, points = OneEuroFilter(), np.array([[10.0, 20.0], [-3.0, 5.5]])
    for i in range(20):
        np.testing.assert_array_equal(one_euro(points, i / 30, 200), points)


def test_trembling_becomes_less() -> None:
    rng = np.random.default_rng(1)
    one_euro, height = OneEuroFilter(), 200.0
    noisy = 100 + rng.normal(0, 0.01 * height, (300, 4, 2))
    smooth = np.array([one_euro(points, i / 30, height) for i, points in enumerate(noisy)])[30:]
    assert smooth.std() < 0.5 * noisy[30:].std()


@pytest.mark.parametrize('beta', [3.0, BETA])
@pytest.mark.parametrize('speed', [0.1, 1.0, 5.0])
def test_what_moves_is_not_left_behind(speed: float, beta: float) -> None:
    one_euro, height = OneEuroFilter(beta=beta), 200.0
    times = np.arange(120) / 30
    path = np.stack([times * speed * height, np.zeros_like(times)], axis=1)
    lag = [point[0] - one_euro(point[None], time, height)[0, 0] for point, time in zip(path, times, strict=True)]
    bound = height / (2 * math.pi * beta)
    assert 0 < lag[-1] <= bound
    # When it sets off from rest, the speed is not known yet.
    assert max(lag) < max(3 * bound, 0.5 * speed * height / 30)


def test_more_beta_lags_less() -> None:
    def lag(beta: float) -> float:
        one_euro = OneEuroFilter(beta=beta)
        for i in range(60):
            out = one_euro(np.array([[i * 5.0, 0.0]]), i / 30, 100)
        return 59 * 5.0 - out[0, 0]

    assert lag(10) < lag(3) < lag(0)


def test_every_joint_has_its_own_speed() -> None:
    one_euro, rng = OneEuroFilter(), np.random.default_rng(2)
    tremble = rng.normal(0, 1, 90)
    out = np.array([one_euro(np.array([[t, 0.0], [i * 20.0, 0.0]]), i / 30, 100) for i, t in enumerate(tremble)])
    assert out[30:, 0, 0].std() < 0.5 * tremble[30:].std()
    assert out[-1, 1, 0] > 88 * 20


def test_time_that_stands_still_is_a_mistake_of_the_caller() -> None:
    one_euro = OneEuroFilter()
    one_euro(np.zeros((1, 2)), 1.0)
    with pytest.raises(ValueError, match='time goes'):
        one_euro(np.zeros((1, 2)), 1.0)


@pytest.mark.parametrize('arguments', [{'min_cutoff': 0}, {'beta': -1}, {'d_cutoff': float('nan')}])
def test_impossible_parameters(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match='cutoff'):
        OneEuroFilter(**arguments)


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
