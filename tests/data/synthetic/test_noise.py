from __future__ import annotations

from data.synthetic.noise import SIZE, fractal

import numpy as np
import pytest


def test_noise_tiles() -> None:
    noise = fractal()
    assert noise.shape == (SIZE, SIZE)
    assert (noise.mean(), noise.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    step = np.abs(np.diff(noise, axis=0)).mean()
    assert np.abs(noise[0] - noise[-1]).mean() < 3 * step
