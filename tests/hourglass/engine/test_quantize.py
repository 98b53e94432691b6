from __future__ import annotations

from pathlib import Path

from hourglass.codec import decode_for
from hourglass.engine import quantize
from hourglass.predictor import PosePredictor

import numpy as np
import pytest

pytest.importorskip('onnxruntime')


def test_eight_bits_find_the_same_joints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled_example: tuple[np.ndarray, np.ndarray],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path))
    monkeypatch.setattr(quantize.quantized, '__defaults__', (12,))
    fine, coarse = (PosePredictor.load('bundled', precision=precision) for precision in ('f32', 'int8'))
    assert 'preparing the 8-bit network' in capsys.readouterr().err, 'a bar alone is not seen in a notebook'
    inputs = bundled_example[0][:1]
    expected, got = fine.heatmaps(inputs), coarse.heatmaps(inputs)
    assert 1e-4 < abs(got - expected).max() < 0.3
    points, rough_points = (decode_for(fine.spec, maps, np.array([128, 128]))[0] for maps in (expected, got))
    assert np.median(abs(points - rough_points)) <= 1
    assert abs(points - rough_points).max() <= 6
    sizes = sorted(path.stat().st_size for path in (tmp_path / 'engines').iterdir())
    assert sizes[0] < 0.4 * sizes[1]
