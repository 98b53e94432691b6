from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from demos.webcam import runner
from demos.webcam.runner import take_port, url_of
from hourglass.errors import InputError

import pytest
from aiohttp import ClientError, ClientSession, web


def test_a_port_is_taken_at_once_and_only_once() -> None:
    with take_port('127.0.0.1', 0) as sock:
        port = sock.getsockname()[1]
        assert url_of(sock, '127.0.0.1') == f'http://127.0.0.1:{port}/'
        assert url_of(sock, '::1') == f'http://[::1]:{port}/'
        with socket.create_connection(('127.0.0.1', port), timeout=60):
            pass
        for host, number in (('127.0.0.1', port), ('192.0.2.1', 0)):
            with pytest.raises(InputError, match=f'--host {host} --port {number}: '):
                take_port(host, number)
    with take_port('localhost', 0) as sock:
        assert sock.getsockname()[0] in ('127.0.0.1', '::1')


async def _page(_: web.Request) -> web.Response:
    return web.Response(text='the page')


@contextlib.asynccontextmanager
async def _served() -> AsyncIterator[int]:
    """Serve a page, and give the port."""
    app, ready = web.Application(), asyncio.Event()
    app.router.add_get('/', _page)
    sock = take_port('127.0.0.1', 0)
    task = asyncio.create_task(runner.serve(app, sock, ready.set))
    try:
        await ready.wait()
        yield sock.getsockname()[1]
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _get(port: int) -> str:
    async with ClientSession() as session, session.get(f'http://127.0.0.1:{port}/') as response:
        return await response.text()


async def test_too_many_connections_are_broken_off_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(runner, 'MAX_CONNECTIONS', 4)
    monkeypatch.setattr(runner, 'IDLE_TIME', 1000)
    async with _served() as port:
        pairs = await asyncio.gather(*(asyncio.open_connection('127.0.0.1', port) for _ in range(12)))
        reads = [asyncio.create_task(reader.read(1)) for reader, _ in pairs]
        while sum(read.done() for read in reads) < 8:
            await asyncio.wait([read for read in reads if not read.done()], return_when=asyncio.FIRST_COMPLETED)
        assert sum(read.done() for read in reads) == 8
        with pytest.raises(ClientError):
            await _get(port)
        for _, writer in pairs:
            writer.close()
        await asyncio.gather(*reads, return_exceptions=True)
        while True:
            with contextlib.suppress(ClientError):
                assert await _get(port) == 'the page'
                break
    assert not caplog.records


@pytest.mark.parametrize('head', ['', 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT'])
async def test_who_sends_no_whole_request_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    monkeypatch.setattr(runner, 'IDLE_TIME', 0.2)
    async with _served() as port:
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(head.encode())
        # What ends before its time is up would be an answer to a whole request only.
        assert (b'the page' in await asyncio.wait_for(reader.read(), 60)) == ('\r\n\r\n' in head)
        writer.close()


async def test_what_is_no_request_is_reported_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async with _served() as port:
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\n\r\n')
        assert b' 400 ' in await asyncio.wait_for(reader.readline(), 60)
        writer.close()
    record, = caplog.records
    assert record.exc_info is None
    assert '127.0.0.1' in record.getMessage()
    assert '\n' not in record.getMessage()
