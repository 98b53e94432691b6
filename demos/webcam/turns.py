"""Who is served next: one predictor, several clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar('T')


class Full(Exception):
    """So many wait already that one more is turned away."""


class Turns:
    """Give the predictor to one client after another.

    The lock behind it serves in the order of asking, and a client that was served asks again behind all others: so
    a page that sends many frames gets no more turns than one that sends few.

    Args:
        executor: runs the predictor, one call at a time.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[Callable[[], T]], Awaitable[T]]]:
        """Wait for a turn; what is then given makes a call in the executor and returns what it returns."""
        async with self._lock:
            yield lambda call: asyncio.get_running_loop().run_in_executor(self._executor, call)


class Queue:
    """Requests that together are one client of :class:`Turns`, so that scripts do not crowd out the pages.

    Args:
        limit: so many requests are held at once, waiting or being served.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = 0
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[asyncio.Lock]:
        """Take a place, and give the lock under which the turn is asked for; :class:`Full` if none is left."""
        if self._held >= self.limit:
            raise Full
        self._held += 1
        try:
            yield self._lock
        finally:
            self._held -= 1


class Newest:
    """Room for one thing that waits; a newer one takes its place."""

    def __init__(self) -> None:
        self._arrived = asyncio.Event()
        self._value: Any = None

    def put(self, value: Any) -> None:
        self._value = value
        self._arrived.set()

    async def wait(self) -> None:
        """Wait until there is something to take."""
        await self._arrived.wait()

    def take(self) -> Any:
        """Return the newest, and make room."""
        self._arrived.clear()
        value, self._value = self._value, None
        return value
