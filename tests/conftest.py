"""Fixtures that several test files share."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Processes that share the cores take one thread each; NumPy reads these when it is imported.
if 'PYTEST_XDIST_WORKER' in os.environ:
    os.environ.update(OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1')

# Benchmarks let CuPy round to TF32, tests do not.
os.environ['CUPY_TF32'] = '0'

from data.synthetic import demo_scene
from hourglass.crop import picture_box
from hourglass.errors import run
from hourglass.network import StackedHG
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from pretrained.weights_file import save_model
from tests.fake_cupy.module import install
from tests.networks import shapes_of
from tests.same_process import read_here

import chainer
import numpy as np
import pytest
from chainer.serializers import NpzDeserializer

SMALL = ModelSpec(out_channels=14, n_stack=1, width=4, layer_num=1, joints='lsp', input_size=(32, 32), crop='pad')
SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share the whole suite out to two processes if pytest-xdist is installed; ``-n 0`` runs it in one."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    is_worker = hasattr(config, 'workerinput')  # it reads the same command line
    alone = is_worker or config.option.collectonly or config.option.usepdb
    if whole and not alone and getattr(config.option, 'numprocesses', 0) is None:
        config.option.numprocesses = 2
        config.option.dist = 'worksteal'


#: Folders and files of tests that take long: they train, run whole networks or start many processes.
SLOW = (
    'benchmarks/', 'data/custom/test_commands.py', 'data/mpii/test_hdf5.py', 'data/test_packed.py', 'demos/video/',
    'demos/test_people_pictures.py', 'eval/test_coco_boxes.py', 'eval/test_comparison.py', 'eval/test_evaluation.py',
    'eval/test_plot.py', 'fuzz/', 'hourglass/detection/test_voc.py', 'hourglass/engine/',
    'hourglass/functions/test_parallel.py', 'hourglass/test_compat.py', 'hourglass/test_locate.py',
    'hourglass/test_network.py', 'hourglass/test_npz.py', 'pretrained/pytorch/', 'pretrained/test_',
    'pretrained/torch7/', 'pretrained/weights_file/test_load.py', 'test_', 'training/',
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Return the path of a reference file beside the checkout, or skip the test where there is none."""
    def find(path: str) -> Path:
        if not (SHARED / path).exists():
            pytest.skip(f'reference file {path} is not beside the checkout')
        return SHARED / path

    return find


#: Where tests compute: the CPU, a stand-in for a GPU (tests/fake_cupy), and a GPU.
GPU = pytest.param('gpu', marks=pytest.mark.gpu)
DEVICES = ('cpu', 'stand-in', GPU)


@pytest.fixture
def choose_device(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Return a function that prepares one of ``DEVICES`` and gives its number for ``--gpu``, or skips the test."""
    def choose(name: str) -> int:
        is_available = chainer.backends.cuda.available
        if name == 'gpu':
            if not is_available or not chainer.backends.cuda.cupy.cuda.is_available():
                pytest.skip('CuPy finds no GPU')
            return 0
        if name == 'stand-in':
            if is_available or shutil.which('g++') is None:
                pytest.skip('a stand-in needs g++ and no CuPy')
            install(monkeypatch)
            return 1  # not the one that is current in a new thread
        return -1

    return choose


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest, choose_device: Callable[[str], int]) -> int:
    """The number of a device for ``--gpu`` and ``chainer.get_device``."""
    return choose_device(request.param)


#: What the scripts, ``python -m data`` and ``python -m pretrained`` run.
COMMANDS = {
    'data': 'data.__main__:main', 'demo.py': 'demos.commands:person', 'demo_multi_person.py': 'demos.commands:people',
    'eval.py': 'eval.options:evaluation', 'export.py': 'pretrained.export_command:export',
    'pretrained': 'pretrained.__main__:main', 'train.py': 'training.options:training',
}


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> Callable[..., SimpleNamespace]:
    """Return a function that runs one of ``COMMANDS`` in this process, which is fast, and in an empty folder.

    It takes the name and the arguments, and gives what ``subprocess.run`` gives: ``returncode``, ``stdout`` and
    ``stderr``.
    """
    monkeypatch.chdir(tmp_path)

    def run_command(name: str, *arguments: object) -> SimpleNamespace:
        module, _, function = COMMANDS[name].partition(':')
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            run(getattr(import_module(module), function))
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=end.value.code, stdout=out, stderr=err)

    return run_command


def rule(key: str, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Return the values of an array in the reference files, of which kind it is in Chainer's names."""
    rng = np.random.RandomState(zlib.crc32(f'dev-{key}'.encode()))
    draws: dict[str, Callable[[], np.ndarray]] = {
        'W': lambda: rng.normal(0, np.sqrt(1 / np.prod(shape[1:])), shape),
        'b': lambda: rng.normal(0, .05, shape),
        'gamma': lambda: rng.uniform(.5, 1, shape),
        'beta': lambda: rng.normal(0, .1, shape),
        'avg_mean': lambda: rng.normal(0, .1, shape),
        'avg_var': lambda: rng.uniform(.5, 1.5, shape),
    }
    return np.array(1000) if kind == 'N' else draws[kind]().astype(np.float32)


@pytest.fixture(scope='session')
def rule_values() -> dict[str, np.ndarray]:
    """The 1,443 arrays of the full network, made by the rule of the reference files."""
    return {key: rule(key, shape, key.rpartition('/')[2]) for key, shape in shapes_of(StackedHG()).items()}


@pytest.fixture
def rule_network(rule_values: dict[str, np.ndarray]) -> StackedHG:
    """The full network with parameters made by the rule of the reference files."""
    network = StackedHG()
    NpzDeserializer(rule_values).load(network)
    return network


@pytest.fixture(scope='session')
def bundled() -> PosePredictor:
    """The predictor with the bundled weights, which no test changes."""
    return PosePredictor.load('bundled')


@pytest.fixture(scope='session')
def bundled_example() -> tuple[np.ndarray, np.ndarray]:
    """Two inputs of the bundled network, a person and the mirror image, and Chainer's heatmaps of both."""
    predictor, image = PosePredictor.load('bundled', engine='chainer'), demo_scene()
    person = predictor.prepare(image, picture_box(image.shape[1:], predictor.spec))
    inputs = np.stack([person, person[:, :, ::-1]])
    return inputs, predictor.heatmaps(inputs)


@pytest.fixture(scope='session', autouse=True)
def _own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('HOURGLASS_CACHE', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='session', autouse=True)
def _no_child_for_each_file() -> Iterator[None]:
    """Read files of other programs in this process; the child is tested by test_sandbox.py and tests/fuzz."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ('data.lsp', 'data.mpii.hdf5', 'data.mpii.matlab', 'pretrained.formats'):
            patch.setattr(f'{module}.read_in_child', read_here)
        yield


@dataclass
class FileServer:
    """What the server does, and what it was asked for.

    Attributes:
        content: the file.
        cuts: after how many bytes of the answer the connection is closed, for the first answers.
        ranges: whether the server can send a part of the file.
        status: the status of an answer.
        says_length: whether the length is announced; without it the end of the connection is the end of the file.
        delay: seconds before an answer.
        location: where requests are sent on to.
        requested: the Range header of every request, '' without one.
    """

    content: bytes
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    says_length: bool = True
    delay: float = 0.0
    location: str | None = None
    requested: list[str] = field(default_factory=list)
    url: str = ''


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        plan = self.server.plan
        requested = self.headers.get('Range', '')
        plan.requested.append(requested)
        time.sleep(plan.delay)
        start = int(requested.removeprefix('bytes=').rstrip('-')) if requested and plan.ranges else 0
        if start and start >= len(plan.content):
            self.send_response(416)
            self.send_header('Content-Range', f'bytes */{len(plan.content)}')
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        self.send_response(206 if start else plan.status)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(plan.content) - 1}/{len(plan.content)}')
        if plan.location:
            self.send_header('Location', plan.location)
        if plan.says_length:
            self.send_header('Content-Length', str(len(plan.content) - start))
        self.end_headers()
        body = plan.content[start:]
        self.wfile.write(body[:plan.cuts.pop(0)] if plan.cuts else body)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *arguments: Any) -> None:
        # A client may leave before its answer is written; that is not for the stderr of the next test.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*arguments)


@pytest.fixture(scope='session')
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('weights') / 'small.npz'
    save_model(path, SMALL.build_network(), SMALL)
    return path


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that is not there yet."""
    folder = tmp_path_factory.mktemp('user') / 'cache'
    monkeypatch.setenv('HOURGLASS_CACHE', str(folder))
    # A proxy of the machine would not reach a server in this process.
    for name in ('http_proxy', 'https_proxy', 'all_proxy'):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return folder


@pytest.fixture
def server(small_weights: Path) -> Iterator[FileServer]:
    plan = FileServer(small_weights.read_bytes())
    http = _Server(('127.0.0.1', 0), _Handler)
    http.plan = plan
    thread = threading.Thread(target=http.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
    thread.start()
    plan.url = f'http://127.0.0.1:{http.server_address[1]}/weights.npz'
    yield plan
    http.shutdown()
    http.server_close()
    thread.join()
