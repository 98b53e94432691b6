"""Run the server: take the port, and stop cleanly."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from functools import partial

from hourglass.errors import InputError
from hourglass.interruption import handled

from aiohttp import web
from aiohttp.http import HttpProcessingError

#: Seconds that requests may take to end after Ctrl-C.
GRACE = 2.0

#: How many connections may be open; each page has one, and for a while some more of the browser's.
MAX_CONNECTIONS = 128

#: Seconds that a connection may stay open without a complete request head, from its beginning or the last answer.
IDLE_TIME = 15.0

#: How many connections may wait to be accepted.
_BACKLOG = 64


def take_port(host: str, port: int) -> socket.socket:
    """Start to listen, before anything slow is done; browsers wait until the server is ready.

    Args:
        host: a name or an address of this computer.
        port: its port; 0 takes any that is free.

    Raises:
        InputError: the address is not one of this computer's, or the port is not free.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        raise InputError(f'--host {host} --port {port}: {getattr(error, "strerror", error)}') from None


def url_of(sock: socket.socket, host: str) -> str:
    """Return the page's address for a browser."""
    name = f'[{host}]' if ':' in host else host
    return f'http://{name}:{sock.getsockname()[1]}/'


def _report_bad_request(record: logging.LogRecord) -> bool:
    """Filter of aiohttp's log: a request that is not HTTP is reported on one line, without a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg = f'{record.getMessage()}: {" ".join(error.message.split())[:100]!r}'
        record.args = record.exc_info = None
    return True


class _Door(asyncio.Protocol):
    """Passes a new connection to the server, or closes it if :data:`MAX_CONNECTIONS` are open.

    Without a limit they would take all file descriptors of the process.

    Args:
        server: answers requests; it makes a protocol for each connection.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if len(self._server.connections) >= MAX_CONNECTIONS:
            transport.abort()
            return
        handler = self._server()
        transport.set_protocol(handler)
        handler.connection_made(transport)


async def serve(app: web.Application, sock: socket.socket, ready: Callable[[], object]) -> None:
    """Serve until Ctrl-C or SIGTERM, then close the connections and finish what is being predicted.

    Args:
        app: the application.
        sock: from :func:`take_port`.
        ready: called when requests are answered.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def end(number: int, _: object) -> None:
        # The next Ctrl-C ends the program at once.
        signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(stop.set)

    logging.getLogger('aiohttp.server').addFilter(_report_bad_request)
    # A small body that would decompress to a large one stays small.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE, auto_decompress=False, lingering_time=5.0,
                           keepalive_timeout=IDLE_TIME)
    listener = None
    with handled(end):
        try:
            await runner.setup()
            assert runner.server is not None
            listener = await loop.create_server(partial(_Door, runner.server), sock=sock, backlog=_BACKLOG)
            ready()
            await stop.wait()
        finally:
            if listener is not None:
                listener.close()
            await runner.cleanup()
