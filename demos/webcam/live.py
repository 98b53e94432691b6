"""The live connection of one page."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from demos.webcam.finder import Memory, PoseFinder, Settings
from hourglass.errors import InputError

from aiohttp import WSCloseCode, WSMsgType, web

#: Largest frame in bytes, and in pixels; the page sends much less.
MAX_BYTES, MAX_PIXELS = 4 << 20, 4_000_000


class _Frame(NamedTuple):
    number: int
    data: bytes
    settings: Settings


class LiveConnection:
    """Answer the frames of one page.

    One frame of the page is processed, and at most one, the newest, waits; the others are dropped.  The answer to a
    frame also counts for the frames before it.

    Messages from the page: text, a JSON object of settings (``mode``, ``heatmap``) for the frames that follow; binary,
    a frame: its number, 4 bytes, little-endian, and a picture file.  Answers are JSON: ``number`` beside what
    :meth:`demos.webcam.finder.PoseFinder.find` returns, or beside ``error``.

    Args:
        socket: the connection.
        finder: finds the poses.
        turn: held while the predictor works for this page; served in the order of asking.
        run: runs the predictor in its thread.
    """

    def __init__(self, socket: web.WebSocketResponse, finder: PoseFinder, turn: asyncio.Lock,
                 run: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._socket = socket
        self._finder = finder
        self._turn = turn
        self._run = run
        self._newest: _Frame | None = None
        self._arrived = asyncio.Event()
        self._settings = Settings()
        self._memory = Memory(finder.predictor.spec)

    async def run(self) -> None:
        """Serve until the page closes the connection."""
        answering = asyncio.create_task(self._answer_frames())
        try:
            async for message in self._socket:
                try:
                    if message.type == WSMsgType.TEXT:
                        self._set(json.loads(message.data))
                    elif message.type == WSMsgType.BINARY:
                        self._accept(message.data)
                    else:
                        break
                except (ValueError, RecursionError) as error:
                    await self._socket.close(code=WSCloseCode.POLICY_VIOLATION,
                                             message=str(error).encode('ascii', 'replace')[:120])
        finally:
            answering.cancel()
            # Its errors have been logged where they happened.
            await asyncio.gather(answering, return_exceptions=True)

    def _set(self, values: Any) -> None:
        """Use new settings; ``ValueError`` if they are wrong."""
        if not isinstance(values, dict):
            raise ValueError('settings must be an object')
        settings = self._finder.settings(values)
        if settings.mode != self._settings.mode:
            self._memory = Memory(self._finder.predictor.spec)
        self._settings = settings

    def _accept(self, message: bytes) -> None:
        """Store a frame as the newest one; ``ValueError`` if it is wrong."""
        if len(message) < 4:
            raise ValueError('a frame begins with its number, 4 bytes')
        self._newest = _Frame(int.from_bytes(message[:4], 'little'), message[4:], self._settings)
        self._arrived.set()

    async def _answer_frames(self) -> None:
        while True:
            await self._arrived.wait()
            async with self._turn:
                self._arrived.clear()
                frame = self._newest
                assert frame is not None
                answer = await self._answer(frame)
            try:
                await self._socket.send_json({'number': frame.number, **answer})
            except ConnectionError:
                return

    async def _answer(self, frame: _Frame) -> dict[str, Any]:
        try:
            return await self._run(partial(self._finder.find, frame.data, frame.settings, MAX_PIXELS, self._memory))
        except InputError as error:
            return {'error': str(error)}
        except Exception:
            logging.getLogger(__name__).exception('a frame could not be answered')
            return {'error': 'a defect of the server; its terminal says more'}
