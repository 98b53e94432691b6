"""What a command imports is what its start takes: modules are counted here, not seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: Modules that take long to import.
HEAVY = ('av', 'chainer', 'chainercv', 'cv2', 'gdown', 'h5py', 'matplotlib', 'onnx', 'onnxruntime', 'openvino', 'PIL',
         'pycocotools', 'requests', 'scipy', 'tqdm', 'yaml')
REPORT = f"""
import runpy, sys
path, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = path
try:
    runpy.run_path(path, run_name='__main__')
except SystemExit as end:
    print('status', end.code)
print('modules', *(name for name in {HEAVY!r} if name in sys.modules))
"""


def _imported(folder: Path, *command: str) -> set[str]:
    """Run a script in an empty folder and return which of the heavy modules it imported."""
    result = subprocess.run([sys.executable, '-c', REPORT, str(ROOT / command[0]), *command[1:]], cwd=folder,
                            env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True, check=True)
    *_, status, modules = result.stdout.splitlines()
    assert status == 'status 0', result
    return set(modules.split()[1:])


@pytest.mark.parametrize('script', ['demo.py', 'demo_multi_person.py', 'export.py'])
def test_help_needs_nothing(script: str, tmp_path: Path) -> None:
    assert _imported(tmp_path, script, '--help') == set()


def test_the_demo_makes_a_graph_once_and_never_needs_chainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('onnxruntime')
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / 'cache'))
    first = _imported(tmp_path, 'demo.py', '--model', 'bundled', '--engine', 'onnxruntime')
    assert {'onnx', 'onnxruntime'} <= first
    assert 'chainer' not in first
    second = _imported(tmp_path, 'demo.py', '--model', 'bundled', '--image', 'input.jpg', '--out', 'out', '--flip',
                       '--json', 'pose.json', '--heatmaps', 'maps.png')
    assert second == {'cv2', 'onnxruntime', 'PIL'}
    assert _imported(tmp_path, 'demo.py', '--model', 'bundled', '--out', 'out') == second
