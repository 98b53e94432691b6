"""What a command imports is what its start takes: modules are counted here, not seconds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tests.child import ROOT, run_python

import pytest

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
    result = run_python('-c', REPORT, ROOT / command[0], *command[1:], cwd=folder, PYTHONPATH=str(ROOT))
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


def test_openvino_does_not_report_to_anybody() -> None:
    if find_spec('openvino') is None:
        pytest.skip('openvino is not installed')
    code = ('import sys, hourglass.engine.openvino_engine;'
            'print([name for name in sys.modules if name.startswith("openvino_telemetry")])')
    # The entry that says that there is no such package, and nothing of the package.
    assert run_python('-c', code).stdout.split() == ["['openvino_telemetry']"]
