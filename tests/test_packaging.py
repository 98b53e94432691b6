"""The wheel: what it holds, and a prediction with it in an empty folder, without Chainer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

from tests.child import ROOT, run_python

import pytest

tomllib = pytest.importorskip('tomllib', reason='Python 3.11 reads TOML')

PREDICT = """
import os, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('chainer', 'chainercv', 'h5py', 'scipy', 'matplotlib', 'pycocotools', 'gdown',
                                      'av'):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Blocked())
import hourglass
from hourglass.detection import load_detector
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor
from hourglass.providers import rendered_people
from hourglass.torch7_crop import Torch7Transform, torch7_crop
from hourglass.version import __version__
image, _ = next(rendered_people(1))  # as --precision int8 needs them
for load in (lambda: load_detector('ssd512'), lambda: PosePredictor.load('bundled', engine='chainer')):
    try:
        load()
    except InputError as error:
        assert 'this needs the package chainer' in str(error), error
pose = PosePredictor.load('bundled').predict(torch7_crop(image, Torch7Transform((128, 128), 200, 64)))
print(hourglass.__file__, __version__, len(pose.points), os.environ['ORT_DISABLE_TELEMETRY'])
"""


def test_the_locks_are_of_the_tested_versions_and_name_no_place() -> None:
    locks = [(ROOT / name).read_text() for name in ('requirements.lock', 'requirements-chainer.lock')]
    pinned = set(re.findall(r'^([\w.-]+==[\w.]+)', '\n'.join(locks), re.MULTILINE))
    constraints = re.findall(r'^([\w.-]+==[\w.]+)', (ROOT / 'constraints.txt').read_text(), re.MULTILINE)
    names = {pin.partition('==')[0] for pin in pinned}
    assert {pin.lower() for pin in constraints if pin.lower().partition('==')[0] in names} <= pinned
    extras = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
    wanted = [*extras['dependencies'], *extras['optional-dependencies']['train'], 'chainer', 'chainercv', 'aiohttp']
    assert {re.split(r'[<>=;,]', text)[0].lower().replace('_', '-') for text in wanted} <= names
    for text in locks:
        assert '://' not in text
        assert all('--hash=sha256:' in entry for entry in re.split(r'\n(?=\w)', text.partition('make lock\n')[2]))


@pytest.fixture(scope='module')
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content; it is built from a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'
    files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '-z'], cwd=ROOT, check=False,
                           capture_output=True)
    if files.returncode:
        pytest.skip('not a git checkout')
    for name in files.stdout.decode().split('\0'):
        if name and not name.startswith(('tests/', 'docs/')) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '--wheel-dir',
                    folder, source], check=True, capture_output=True)
    wheel, = folder.glob('*.whl')
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / 'unpacked')
    return folder / 'unpacked'


def test_everything_is_in_the_wheel(unpacked: Path) -> None:
    for package in ('hourglass', 'data', 'pretrained', 'demos', 'eval', 'training'):
        assert (unpacked / package / 'py.typed').exists(), package
        source = unpacked.parent / 'source'
        missing = [path for path in (source / package).rglob('*.*')
                   if path.suffix in ('.py', '.npz', '.json', '.js', '.css', '.html')
                   and not (unpacked / path.relative_to(source)).exists()]
        assert not missing
    assert not (unpacked / 'tests').exists()


def test_a_prediction_needs_no_checkout_and_no_chainer_and_leaves_nothing_at_home(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip('onnxruntime')
    home = tmp_path / 'home'
    home.mkdir()
    for key in [key for key in os.environ if key == 'ORT_DISABLE_TELEMETRY' or key.startswith('XDG_')]:
        monkeypatch.delenv(key)
    done = run_python('-c', PREDICT, cwd=tmp_path, HOME=str(home), PYTHONPATH=str(unpacked),
                      HOURGLASS_CACHE=str(tmp_path / 'cache'))
    assert done.returncode == 0, done.stderr
    file, version, joints, no_telemetry = done.stdout.split()
    assert Path(file).is_relative_to(unpacked)
    assert version == '0.2.0'
    assert int(joints) >= 16
    assert no_telemetry == '1'
    assert not list(home.rglob('*'))


@pytest.mark.parametrize('command', ['training.options:training', 'eval.options:evaluation'])
def test_what_needs_chainer_says_so_on_one_line(command: str) -> None:
    module, _, function = command.partition(':')
    code = PREDICT.partition('import hourglass')[0] + f'from {module} import {function}; {function}()'
    done = run_python('-c', code)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ['-c: this needs the package chainer, which is not installed (extra "chainer"; '
                                        'docs/install.md)']
    done = run_python('-c', code, '--version')
    assert (done.returncode, done.stdout, done.stderr) == (0, 'stacked-hourglass-chainer 0.2.0\n', '')


def test_the_commands_exist() -> None:
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
    for name, target in project['scripts'].items():
        module, _, function = target.partition(':')
        assert callable(getattr(import_module(module), function)), name
    assert {'hourglass-demo', 'hourglass-people', 'hourglass-webcam', 'hourglass-eval', 'hourglass-train',
            'hourglass-export'} == set(project['scripts'])
