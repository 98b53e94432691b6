from __future__ import annotations

from pathlib import Path

from eval.reliability import calibrate, fit_confidence, fitted_error, reliability
from hourglass.spec import ModelSpec

import numpy as np
import pytest


def _joints(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return heights, and which joints are right: as often as the square of the height."""
    rng = np.random.default_rng(0)
    heights = rng.uniform(0, 1, n)
    return heights, rng.uniform(0, 1, n) < heights ** 2


def test_bins_and_their_error_by_hand() -> None:
    scores = np.append(np.linspace(0, .28, 15), .3)  # the two lowest are one bin
    found = reliability(scores[::-1], scores[::-1] == .02)
    np.testing.assert_allclose(found.scores, [.01, *scores[2:]])
    assert found.rates.tolist() == [.5] + 14 * [0]
    assert found.counts.tolist() == [2] + 14 * [1]
    assert found.error == pytest.approx((2 * .49 + scores[2:].sum()) / 16)


def test_scores_that_were_fitted_say_how_often_a_joint_is_right() -> None:
    heights, right = _joints(20_000)
    people = np.arange(20_000) // 10
    assert reliability(heights, right).error > .15
    table = fit_confidence(heights, right)
    x, y = np.array(table).T
    np.testing.assert_allclose(y, x ** 2, atol=.04)
    assert fitted_error(heights, right, people) < .02
    assert np.isnan(fitted_error(heights, right, np.zeros(20_000, int)))
    spec = ModelSpec(confidence=table)
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert reliability(spec.scores(heights.astype(np.float32)), right).error < .02


def test_what_does_not_rise_is_levelled() -> None:
    heights = np.linspace(0, 1, 300)
    table = fit_confidence(heights, heights < .5)
    assert table[0] == (0, 0)
    assert len({rate for _, rate in table[1:]}) == 1
    assert fit_confidence(np.full(50, .3), np.ones(50, bool)) == ((0, 0), (.3, .999))
    ModelSpec(confidence=table)


def test_the_scores_of_one_person_have_no_error_after_calibration(tmp_path: Path) -> None:
    line = calibrate(np.full((1, 21), .5), np.zeros((1, 21)), .2, 'bundled', tmp_path / 'a.npz')
    assert line.endswith('scores were 0.500 off in the mean; too few people to measure what they are now')
