"""Nothing is sent anywhere and nothing is left in the user's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

_PREDICT = """
import os
import numpy as np
from hourglass.predictor import PosePredictor
predictor = PosePredictor.load('bundled')
predictor.predict([np.zeros((3, 64, 64), np.float32)])
print(predictor.engine.name, os.environ['ORT_DISABLE_TELEMETRY'])
"""


def test_a_prediction_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    home = tmp_path / 'home'
    home.mkdir()
    environment = {key: value for key, value in os.environ.items()
                   if key != 'ORT_DISABLE_TELEMETRY' and not key.startswith('XDG_')}
    environment |= {'HOME': str(home), 'HOURGLASS_CACHE': str(tmp_path / 'cache')}
    done = subprocess.run([sys.executable, '-c', _PREDICT], cwd=ROOT, env=environment, capture_output=True, text=True,
                          check=False)
    assert done.stdout.split() == ['onnxruntime', '1'], done.stderr
    assert not list(home.rglob('*'))
