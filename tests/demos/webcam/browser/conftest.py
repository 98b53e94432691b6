"""A real Chromium with a camera that shows a clip, and a server that can be stopped and started again."""

from __future__ import annotations

import asyncio
import base64
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from data.synthetic import RenderedPerson, demo_person
from demos.webcam.finder import PoseFinder
from demos.webcam.runner import take_port
from demos.webcam.server import PoseServer
from hourglass.people import PeoplePredictor
from hourglass.predictor import PosePredictor
from tests.stand_ins import FixedBoxes, correct_joints

import cv2
import numpy as np
import pytest
from aiohttp import web

SIZE = (480, 640)
TIMEOUT = 60.0


class RunningServer:
    """The server in a thread; started again, it has the same port."""

    def __init__(self) -> None:
        predictor = PosePredictor.load('bundled')
        detector = FixedBoxes((10, 0, 460, 480), (10, 480, 460, 960))  # of the two people of test_page.py
        self.finder = PoseFinder(PeoplePredictor(predictor, detector, keep_heatmaps=True))
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}/'

    def start(self) -> None:
        sock = take_port('127.0.0.1', self.port)
        self.port = sock.getsockname()[1]
        ready = threading.Event()

        async def serve() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            server = PoseServer(self.finder, max_bytes=400_000, threshold=0.2)
            runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=1, auto_decompress=False)
            await runner.setup()
            await web.SockSite(runner, sock).start()
            ready.set()
            await self._stop.wait()
            await runner.cleanup()

        self._thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
        self._thread.start()
        assert ready.wait(TIMEOUT)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()


@pytest.fixture(scope='session')
def person() -> RenderedPerson:
    return demo_person(SIZE)


@pytest.fixture(scope='session')
def clip(person: RenderedPerson, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera shows: uncompressed video (YUV4MPEG2) of a person who stands still."""
    path = tmp_path_factory.mktemp('camera') / 'clip.y4m'
    pixels = cv2.cvtColor(np.ascontiguousarray(person.image.transpose(1, 2, 0)), cv2.COLOR_RGB2YUV_I420)
    header = f'YUV4MPEG2 W{SIZE[1]} H{SIZE[0]} F15:1 Ip A1:1 C420mpeg2\n'.encode()
    path.write_bytes(header + 2 * (b'FRAME\n' + pixels.tobytes()))
    return path


@pytest.fixture(scope='session')
def server() -> Iterator[RunningServer]:
    server = RunningServer()
    yield server
    server.stop()


class Page:
    """The page in a window of the browser."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self) -> None:
        """Load the page, and wait for its connection."""
        self.driver.get(self.url)
        self.wait(lambda: self.state == 'connected')

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def element(self, name: str) -> Any:
        return self.driver.find_element('id', name)

    def text(self, name: str) -> str:
        return self.run('return document.getElementById(arguments[0]).textContent', name)

    def wait(self, condition: Callable[[], Any], seconds: float = TIMEOUT) -> Any:
        """Wait until a condition holds, and return it."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, f'state {self.state}, message {self.text("message")!r}'
            time.sleep(0.03)
        return value

    @property
    def state(self) -> str:
        return self.run('return document.getElementById("connection").dataset.state')

    @property
    def message(self) -> str:
        return self.run('const one = document.getElementById("message"); return one.hidden ? "" : one.textContent')

    @property
    def shows(self) -> str:
        return self.run('return document.getElementById("stage").dataset.shows')

    @property
    def n_answers(self) -> int:
        return int(self.run('return document.getElementById("overlay").dataset.answers'))

    def more_answers(self, n: int = 1) -> None:
        """Wait until so many more answers have been drawn."""
        before = self.n_answers
        self.wait(lambda: self.n_answers >= before + n)

    def start_camera(self) -> None:
        self.element('camera').click()
        self.wait(lambda: self.shows == 'camera' and self.n_answers >= 1)

    def choose(self, name: str, value: str) -> None:
        """Choose an entry of a list."""
        self.run('const one = document.getElementById(arguments[0]); one.value = arguments[1];'
                 'one.dispatchEvent(new Event("change"))', name, value)

    def joints(self) -> dict[str, tuple[float, float]]:
        """Return (x, y) of the joints in the table."""
        self.run('const one = document.getElementById("joints"); one.open = false; one.open = true;')
        rows = self.wait(lambda: self.run('return [...document.querySelectorAll("#rows tr")].map('
                                          '(row) => [...row.cells].map((cell) => cell.textContent))'))
        return {name: (float(x), float(y)) for name, x, y, _ in rows}

    def overlay(self) -> np.ndarray:
        """Return the overlay in the size of the camera's picture, (480, 640, 4) uint8, RGBA."""
        values = self.run(
            'const copy = document.createElement("canvas"); [copy.height, copy.width] = arguments;'
            'const context = copy.getContext("2d", {willReadFrequently: true});'
            'context.imageSmoothingEnabled = false;'
            'context.drawImage(document.getElementById("overlay"), 0, 0, copy.width, copy.height);'
            'const pixels = context.getImageData(0, 0, copy.width, copy.height).data;'
            'let text = ""; for (let i = 0; i < pixels.length; i += 4096)'
            '{ text += String.fromCharCode(...pixels.subarray(i, i + 4096)); }'
            'return btoa(text)', *SIZE)
        return np.frombuffer(base64.b64decode(values), np.uint8).reshape(*SIZE, 4)

    def drop(self, data: bytes, name: str, kind: str) -> None:
        """Drop a file on the page."""
        self.run('const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0));'
                 'const dataTransfer = new DataTransfer();'
                 'dataTransfer.items.add(new File([bytes], arguments[1], {type: arguments[2]}));'
                 'document.getElementById("stage").dispatchEvent('
                 'new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}))',
                 base64.b64encode(data).decode(), name, kind)

    def complaints(self) -> list[str]:
        """Return the browser's warnings and errors since the last call, except for a server that is not there."""
        return [entry['message'] for entry in self.driver.get_log('browser')
                if entry['level'] in ('WARNING', 'SEVERE') and 'ERR_CONNECTION' not in entry['message']]


FLAGS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
         '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage',
         '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
         '--disable-background-timer-throttling', '--window-size=1000,800')


def _browser(folder: Path, *flags: str) -> Any:
    selenium = pytest.importorskip('selenium.webdriver', reason='selenium is not installed')
    from selenium.webdriver.chrome.service import Service

    program = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    driver = shutil.which('chromedriver')
    if program is None or driver is None:
        pytest.skip('Chromium and its driver are not installed (Debian: apt-get install chromium chromium-driver)')
    options = selenium.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f'--user-data-dir={folder / "profile"}', *flags):
        options.add_argument(flag)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    options.add_experimental_option('prefs', {
        'download.default_directory': str(folder / 'downloads'),
        'profile.default_content_setting_values.automatic_downloads': 1})
    browser = selenium.Chrome(options=options, service=Service(driver))
    browser.set_page_load_timeout(TIMEOUT)
    browser.set_script_timeout(TIMEOUT)
    browser.command_executor.client_config.timeout = 2 * TIMEOUT  # for a browser that hangs
    return browser


@pytest.fixture(scope='session')
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser saves files."""
    return tmp_path_factory.mktemp('browser') / 'downloads'


@pytest.fixture(scope='session')
def browser(downloads: Path, clip: Path) -> Iterator[Any]:
    driver = _browser(downloads.parent, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
                      f'--use-file-for-fake-video-capture={clip}')
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, server: RunningServer) -> Iterator[Page]:
    """The page, freshly loaded, in a browser with a camera."""
    page = Page(browser, server.url)
    page.open()
    yield page
    assert page.complaints() == []
    browser.get('about:blank')


@pytest.fixture
def page_without_camera(server: RunningServer, tmp_path: Path) -> Iterator[Page]:
    """The page in a browser that has no camera."""
    driver = _browser(tmp_path)
    page = Page(driver, server.url)
    page.open()
    yield page
    driver.quit()


@pytest.fixture(scope='session')
def check_joints(person: RenderedPerson) -> Callable[..., None]:
    """Return a function that fails if joints, {name: (x, y)}, are not those of the person."""
    def check(joints: dict[str, tuple[float, float]]) -> None:
        named = [{'name': name, 'x': x, 'y': y} for name, (x, y) in joints.items()]
        assert correct_joints(named, person.points) >= 0.8, joints

    return check
