from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

from demos.webcam import server
from demos.webcam.finder import PoseFinder
from tests.demos.webcam.spots import SpotPredictor, frame, join, serving, spot

import pytest


async def test_the_page_and_its_files_come_from_here_only(finder: PoseFinder) -> None:
    async with serving(finder) as client:
        page = await (await client.get('/')).text()
        names = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert set(names) >= {'page/app.js', 'page/style.css', 'page/icon.svg'}
        scripts = [name for name in names if name.endswith('.js')]
        for script in scripts:
            text = await (await client.get(f'/{script}')).text()
            scripts += [f'page/{name}' for name in re.findall(r"from '\./([^']+)'", text)]
        for name in {*names, *scripts}:
            response = await client.get(f'/{name}')
            assert response.status == 200, name
            text = await response.text()
            addresses = set(re.findall(r'\w+://[^\s\'"]+', text))
            assert addresses <= {'http://www.w3.org/2000/svg', 'http://127.0.0.1', 'http://localhost'}, addresses
            assert 'innerHTML' not in text
        assert (await client.get('/page/app.js')).content_type.endswith('/javascript')


async def test_every_response_forbids_what_the_page_does_not_need(finder: PoseFinder) -> None:
    async with serving(finder) as client:
        for method, path in (('GET', '/'), ('GET', '/missing'), ('PUT', '/pose'), ('POST', '/pose')):
            response = await client.request(method, path)
            policy = response.headers['Content-Security-Policy']
            assert "default-src 'none'" in policy
            assert set(re.findall(r"'[\w-]+'|https?:|\*|unsafe", policy)) == {"'none'", "'self'"}
            assert response.headers['X-Content-Type-Options'] == 'nosniff'


async def _big_of_unknown_length() -> AsyncIterator[bytes]:
    for _ in range(60):
        yield bytes(1000)


async def test_mistakes_are_answered_with_their_status_and_a_reason(finder: PoseFinder) -> None:
    table: list[tuple[str, str, dict[str, str], Any, int, str]] = [
        ('POST', '/pose', {}, b'II*\0' + bytes(30), 400, 'JPEG, PNG'),
        ('POST', '/pose?mode=all', {}, b'x', 400, "mode is 'all'"),
        ('POST', '/pose', {}, bytes(60_000), 413, 'body size 50000'),
        ('POST', '/pose', {}, _big_of_unknown_length(), 413, 'body size 50000'),
        ('GET', '/pose', {}, None, 405, 'Method Not Allowed'),
        ('GET', '/app.js', {}, None, 404, 'Not Found'),
        ('GET', '/page/%2e%2e/server.py', {}, None, 404, 'Not Found'),
        ('GET', '/page/', {}, None, 403, 'Forbidden'),
        ('GET', '/live', {}, None, 400, 'WebSocket'),
        ('GET', '/', {'Host': 'evil.example'}, None, 403, 'evil.example'),
        ('POST', '/pose', {'Origin': 'http://evil.example'}, b'x', 403, 'evil.example'),
        ('GET', '/live', {'Origin': 'http://evil.example'}, None, 403, 'evil.example'),
    ]
    async with serving(finder, max_bytes=50_000) as client:
        for method, path, headers, body, status, reason in table:
            response = await client.request(method, path, headers=headers, data=body)
            error = (await response.json())['error']
            assert response.status == status, error
            assert reason in error
            assert '\n' not in error
            assert ('Allow' in response.headers) == (status == 405)
            assert (await client.get('/')).status == 200


async def test_a_defect_is_no_secret_and_no_end(
    finder: PoseFinder, predictor: SpotPredictor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(finder) as client:
        socket = await join(client)
        with monkeypatch.context() as patch:
            patch.setattr(predictor, 'heatmaps', lambda _: 1 / 0)
            assert (await client.post('/pose', data=spot(1, 1))).status == 500
            await socket.send_bytes(frame(1, spot(1, 1)))
            assert 'defect' in (await socket.receive_json(timeout=60))['error']
        assert 'ZeroDivisionError' in caplog.text
        assert (await client.post('/pose', data=spot(1, 1))).status == 200
        await socket.send_bytes(frame(2, spot(1, 1)))
        assert 'people' in await socket.receive_json(timeout=60)
        await socket.close()


async def test_a_busy_predictor_delays_no_page_and_one_picture_too_many_is_refused_for_now(
    finder: PoseFinder, predictor: SpotPredictor,
) -> None:
    async with serving(finder) as client:
        predictor.gate.clear()
        posts = [asyncio.create_task(client.post('/pose', data=spot(9, 9)))
                 for _ in range(server.MAX_REQUESTS + 1)]
        (refused,), held = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        assert refused.result().status == 503
        assert int(refused.result().headers['Retry-After']) > 0
        assert (await client.get('/')).status == 200
        await (await join(client)).close()
        assert not any(post.done() for post in held)
        predictor.gate.set()
        assert {response.status for response in await asyncio.gather(*held)} == {200}
        assert (await client.post('/pose', data=spot(9, 9))).status == 200


async def _begin_upload(client: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the head of a request and the beginning of its picture, and no more."""
    reader, writer = await asyncio.open_connection('127.0.0.1', client.port)
    writer.write(f'POST /pose HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nContent-Type: image/png\r\n'
                 'Content-Length: 10000\r\n\r\nthe beginning'.encode())
    await writer.drain()
    return reader, writer


async def test_slow_uploads_block_no_other_request_and_end(finder: PoseFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(finder) as client:
        slow = [await _begin_upload(client) for _ in range(8)]
        assert (await client.get('/')).status == 200
        assert (await client.post('/pose', data=spot(9, 9))).status == 200
        monkeypatch.setattr(server, 'UPLOAD_TIME', 0.1)
        slow.append(await _begin_upload(client))
        assert b' 408 ' in await asyncio.wait_for(slow[-1][0].readline(), 60)
        for _, writer in slow:
            writer.close()


async def test_a_damaged_body_is_no_defect(finder: PoseFinder, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(finder) as client:
        for parts in ((b'zz\r\n',), (b'3\r\nabc\r\n', b'zz\r\n'), (b'3\r\na',)):
            _, writer = await asyncio.open_connection('127.0.0.1', client.port)
            writer.write(f'POST /pose HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nContent-Type: image/png\r\n'
                         'Transfer-Encoding: chunked\r\n\r\n'.encode())
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.05)
            writer.close()
            assert (await client.get('/')).status == 200
    assert not [record for record in caplog.records if record.name.startswith('demos')]
