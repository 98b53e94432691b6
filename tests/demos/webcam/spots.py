"""A predictor that finds bright spots, pictures of them, and the server with a client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from demos.webcam.finder import PoseFinder
from demos.webcam.server import PoseServer
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from tests.stand_ins import Brightness, picture_bytes, spots

import numpy as np
from aiohttp.test_utils import TestClient, TestServer

SPEC = ModelSpec(n_stack=1, width=8, layer_num=2, input_size=(64, 64), crop='pad', decoding='quarter-offset')


class SpotPredictor(PosePredictor):
    """Finds every joint where the picture is bright, and nothing while the event ``gate`` is cleared."""

    def __init__(self) -> None:
        super().__init__(Brightness(), SPEC)
        self.gate, self.began = threading.Event(), threading.Event()
        self.gate.set()
        self.n_calls = 0

    def heatmaps(self, inputs: np.ndarray) -> np.ndarray:
        self.n_calls += 1
        self.began.set()
        assert self.gate.wait(120)
        return super().heatmaps(inputs)

    async def at_gate(self) -> None:
        """Wait until a call waits at the gate."""
        while not self.began.is_set():
            await asyncio.sleep(0.005)


def spot_pixels(y: int, x: int, size: tuple[int, int] = (160, 160)) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 that is bright at one place."""
    return np.ascontiguousarray(spots((y, x), shape=size, sigma=8).transpose(1, 2, 0).astype(np.uint8))


def spot(y: int, x: int, size: tuple[int, int] = (160, 160)) -> bytes:
    """Return a picture file that is bright at one place."""
    return picture_bytes(spot_pixels(y, x, size))


@asynccontextmanager
async def serving(finder: PoseFinder, **options: Any) -> AsyncIterator[TestClient]:
    """Serve a finder and give a client; keywords are those of the server."""
    server = TestServer(PoseServer(finder, **options).app(), host='127.0.0.1')
    # As in demos.webcam.runner.
    await server.start_server(auto_decompress=False)
    async with TestClient(server) as client:
        yield client


async def join(client: TestClient) -> Any:
    """Open a live connection and receive its greeting."""
    socket = await client.ws_connect('/live')
    assert 'hello' in await socket.receive_json(timeout=60)
    return socket


def frame(number: int, picture: bytes) -> bytes:
    """Return a message of a number and a picture."""
    return number.to_bytes(4, 'little') + picture
