from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from demos.webcam.finder import PoseFinder
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec

import cv2
import numpy as np
import pytest
from PIL import Image

SPEC = ModelSpec(n_stack=1, width=8, layer_num=2, input_size=(64, 64), crop='pad', decoding='quarter-offset')


class SpotPredictor(PosePredictor):
    """Finds every joint where the picture is bright, when it is let.

    Attributes:
        gate: while it is cleared, nothing is found.
        began: set when a call waits at the gate.
        n_calls: how often it was asked.
    """

    def __init__(self) -> None:
        super().__init__(SPEC.build_network(), SPEC)
        self.gate, self.began = threading.Event(), threading.Event()
        self.gate.set()
        self.n_calls = 0

    def heatmaps(self, inputs: np.ndarray) -> np.ndarray:
        self.n_calls += 1
        self.began.set()
        assert self.gate.wait(120)
        shrunk = [cv2.resize(image[0], (16, 16), interpolation=cv2.INTER_AREA) for image in inputs]
        return np.repeat(np.stack(shrunk)[:, None], 16, axis=1)


@pytest.fixture
def predictor() -> SpotPredictor:
    return SpotPredictor()


@pytest.fixture
def finder(predictor: SpotPredictor) -> PoseFinder:
    return PoseFinder(predictor)


def spot_picture(y: int, x: int, size: tuple[int, int] = (160, 160), kind: str = 'PNG') -> bytes:
    """Return a picture file that is bright at one place."""
    rows, columns = np.ogrid[:size[0], :size[1]]
    bright = 255 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 8 ** 2))
    file = io.BytesIO()
    Image.fromarray(bright.astype(np.uint8)).convert('RGB').save(file, kind)
    return file.getvalue()


@pytest.fixture
def spot() -> Callable[..., bytes]:
    return spot_picture


@pytest.fixture
def serving() -> Callable[..., Any]:
    """Return a context manager that serves a finder and gives a client; keywords are those of the server."""
    from demos.webcam.server import PoseServer

    from aiohttp.test_utils import TestClient, TestServer

    @asynccontextmanager
    async def serve(finder: PoseFinder, **options: Any) -> AsyncIterator[TestClient]:
        server = TestServer(PoseServer(finder, **options).app(), host='127.0.0.1')
        # As in demos.webcam.serve.
        await server.start_server(auto_decompress=False)
        async with TestClient(server) as client:
            yield client

    return serve


@pytest.fixture
def frame() -> Callable[[int, bytes], bytes]:
    """Return a function that makes a message of a number and a picture."""
    return lambda number, picture: number.to_bytes(4, 'little') + picture


@pytest.fixture
def join() -> Callable[[Any], Awaitable[Any]]:
    """Return a function that opens a live connection and hears its greeting."""
    async def connect(client: Any) -> Any:
        socket = await client.ws_connect('/live')
        assert 'hello' in await socket.receive_json(timeout=60)
        return socket

    return connect


@pytest.fixture
def began() -> Callable[[SpotPredictor], Awaitable[None]]:
    """Return a function that waits until the predictor stands at its gate."""
    async def wait(predictor: SpotPredictor) -> None:
        while not predictor.began.is_set():
            await asyncio.sleep(0.005)

    return wait


@pytest.fixture
def in_loop() -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Return a function that runs a coroutine function, and fails if it takes too long."""
    def run(test: Callable[[], Awaitable[None]]) -> None:
        asyncio.run(asyncio.wait_for(test(), 300))  # type: ignore[arg-type]

    return run
