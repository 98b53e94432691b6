from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from hourglass.webcam import server
from hourglass.webcam.finder import PoseFinder

import aiohttp
import pytest

InLoop = Callable[[Callable[[], Awaitable[None]]], None]
Spot = Callable[..., bytes]
Serving = Callable[..., Any]
PNG = {'Content-Type': 'image/png'}


def _frame(number: int, picture: bytes) -> bytes:
    return number.to_bytes(4, 'little') + picture


async def _join(client: Any) -> Any:
    """Open a live connection and hear its greeting."""
    socket = await client.ws_connect('/live')
    assert 'hello' in await socket.receive_json(timeout=5)
    return socket


async def _began(predictor: Any) -> None:
    """Wait until the predictor stands at its gate."""
    while not predictor.began.is_set():
        await asyncio.sleep(0.005)


def test_the_page_and_its_files_come_from_here_only(finder: PoseFinder, serving: Serving, in_loop: InLoop) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            page = await (await client.get('/')).text()
            names = re.findall(r'(?:src|href)="([^"]+)"', page)
            assert set(names) >= {'app.js', 'style.css', 'icon.svg'}
            scripts = [name for name in names if name.endswith('.js')]
            for script in scripts:
                text = await (await client.get(f'/{script}')).text()
                scripts += [name for name in re.findall(r"from '\./([^']+)'", text) if name not in scripts]
            for name in {*names, *scripts}:
                response = await client.get(f'/{name}')
                assert response.status == 200, name
                text = await response.text()
                addresses = set(re.findall(r'\w+://[^\s\'"]+', text))
                assert addresses <= {'http://www.w3.org/2000/svg', 'http://127.0.0.1', 'http://localhost'}, addresses
                assert 'innerHTML' not in text
            assert response.headers['X-Content-Type-Options'] == 'nosniff'
            assert (await client.get('/app.js')).content_type == 'text/javascript'

    in_loop(test)


@pytest.mark.parametrize(('method', 'path'), [('GET', '/'), ('GET', '/missing'), ('PUT', '/pose'), ('POST', '/pose')])
def test_every_response_forbids_what_the_page_does_not_need(
    finder: PoseFinder, serving: Serving, in_loop: InLoop, method: str, path: str,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            response = await client.request(method, path)
            policy = response.headers['Content-Security-Policy']
            assert "default-src 'none'" in policy
            assert set(re.findall(r"'[\w-]+'|https?:|\*|unsafe", policy)) == {"'none'", "'self'"}
            assert response.headers['X-Content-Type-Options'] == 'nosniff'

    in_loop(test)


def test_a_script_gets_the_pose_of_a_picture(finder: PoseFinder, spot: Spot, serving: Serving, in_loop: InLoop) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            response = await client.post('/pose?mode=middle&heatmap=left+wrist', data=spot(100, 60), headers=PNG)
            assert response.status == 200
            answer = await response.json()
            assert answer['people'][0]['joints'][3]['x'] == pytest.approx(60, abs=6)
            assert answer['heatmaps'][0]['joint'] == 'left wrist'

    in_loop(test)


def _big() -> bytes:
    return bytes(60_000)


async def _big_of_unknown_length() -> AsyncIterator[bytes]:
    for _ in range(60):
        yield bytes(1000)


@pytest.mark.parametrize(('method', 'path', 'headers', 'body', 'status', 'reason'), [
    ('POST', '/pose', {'Content-Type': 'text/plain'}, b'x', 415, 'text/plain'),
    ('POST', '/pose', {}, b'x', 415, 'application/octet-stream'),
    ('POST', '/pose', {'Content-Type': 'image/svg+xml'}, b'<svg/>', 415, 'svg'),
    ('POST', '/pose', {**PNG, 'Content-Encoding': 'gzip'}, gzip.compress(b'x'), 415, 'compressed'),
    ('POST', '/pose', PNG, b'II*\0' + bytes(30), 415, 'TIFF'),
    ('POST', '/pose', PNG, b'rubbish', 400, 'not a picture'),
    ('POST', '/pose', PNG, b'', 400, 'empty'),
    ('POST', '/pose?mode=none', PNG, b'x', 400, 'mode'),
    ('POST', '/pose?mode=people', PNG, b'x', 400, '--detector'),
    ('POST', '/pose?mode=middle&mode=anywhere', PNG, b'x', 400, 'twice'),
    ('POST', '/pose?colour=red', PNG, b'x', 400, 'colour'),
    ('POST', '/pose', PNG, _big, 413, '0.05 MB'),
    ('POST', '/pose', PNG, _big_of_unknown_length, 413, '0.05 MB'),
    ('GET', '/pose', {}, None, 405, 'Method Not Allowed'),
    ('POST', '/', PNG, b'x', 405, 'Method Not Allowed'),
    ('GET', '/missing', {}, None, 404, 'Not Found'),
    ('GET', '/page/app.js', {}, None, 404, 'Not Found'),
    ('GET', '/%2e%2e/server.py', {}, None, 404, 'Not Found'),
    ('GET', '/live', {}, None, 400, 'WebSocket'),
    ('GET', '/', {'Host': 'evil.example'}, None, 403, 'evil.example'),
    ('POST', '/pose', {**PNG, 'Origin': 'http://evil.example'}, b'x', 403, 'evil.example'),
    ('GET', '/live', {'Origin': 'http://evil.example'}, None, 403, 'evil.example'),
])
def test_mistakes_are_answered_with_their_status_and_a_reason(
    finder: PoseFinder, serving: Serving, in_loop: InLoop, method: str, path: str, headers: dict[str, str],
    body: Any, status: int, reason: str,
) -> None:
    async def test() -> None:
        async with serving(finder, max_bytes=50_000) as client:
            data = body() if callable(body) else body
            response = await client.request(method, path, headers=headers, data=data)
            assert response.status == status
            assert reason in (await response.json())['error']
            assert '\n' not in (await response.json())['error']
            if status == 405:
                assert response.headers['Allow']
            assert (await client.get('/')).status == 200

    in_loop(test)


def test_a_defect_is_no_secret_and_no_end(
    finder: PoseFinder, predictor: Any, spot: Spot, serving: Serving, in_loop: InLoop,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await _join(client)
            with monkeypatch.context() as patch:
                patch.setattr(predictor, 'heatmaps', lambda _: 1 / 0)
                assert (await client.post('/pose', data=spot(1, 1), headers=PNG)).status == 500
                await socket.send_bytes(_frame(1, spot(1, 1)))
                assert 'defect' in (await socket.receive_json(timeout=5))['error']
            assert 'ZeroDivisionError' in caplog.text
            assert (await client.post('/pose', data=spot(1, 1), headers=PNG)).status == 200
            await socket.send_bytes(_frame(2, spot(1, 1)))
            assert 'people' in await socket.receive_json(timeout=5)
            await socket.close()

    in_loop(test)


def test_of_many_frames_the_newest_is_answered(
    finder: PoseFinder, predictor: Any, spot: Spot, serving: Serving, in_loop: InLoop,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await _join(client)
            predictor.gate.clear()
            await socket.send_bytes(_frame(1, spot(20, 20)))
            await _began(predictor)
            for number in range(2, 30):
                await socket.send_bytes(_frame(number, spot(100, 4 * number)))
            await client.get('/')  # by now the frames have arrived
            predictor.gate.set()
            answers = [await socket.receive_json(timeout=5) for _ in range(2)]
            assert [answer['number'] for answer in answers] == [1, 29]
            assert answers[1]['people'][0]['joints'][0]['x'] == pytest.approx(116, abs=6)
            assert predictor.n_calls == 2
            with pytest.raises(asyncio.TimeoutError):
                await socket.receive_json(timeout=0.1)
            await socket.close()

    in_loop(test)


def test_several_pages_get_their_own_answers_and_equal_shares(
    finder: PoseFinder, spot: Spot, serving: Serving, in_loop: InLoop,
) -> None:
    async def test() -> None:
        places = {0: (40, 40), 1: (120, 40), 2: (40, 120)}
        served: list[int] = []
        async with serving(finder) as client:
            async def page(i: int) -> None:
                y, x = places[i]
                socket = await _join(client)
                # The first sends twice as many frames as are answered.
                per_answer = 2 if i == 0 else 1
                await socket.send_bytes(_frame(100 * i, spot(y, x)))
                for n in range(1, 13):
                    for k in range(per_answer):
                        await socket.send_bytes(_frame(100 * i + per_answer * n + k, spot(y, x)))
                    answer = await socket.receive_json(timeout=5)
                    served.append(i)
                    assert answer['number'] // 100 == i
                    joint = answer['people'][0]['joints'][0]
                    assert (joint['x'], joint['y']) == (pytest.approx(x, abs=6), pytest.approx(y, abs=6))
                await socket.close()

            await asyncio.gather(*(page(i) for i in places))
        # While all three are there, each gets a third.
        assert all(served[:24].count(i) >= 6 for i in places)

    in_loop(test)


def test_each_page_follows_its_own_person(finder: PoseFinder, spot: Spot, serving: Serving, in_loop: InLoop) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            sockets = [await _join(client) for _ in range(2)]
            for socket in sockets:
                await socket.send_str('{"mode": "anywhere"}')
            seen = []
            for number in range(2):
                for socket, x in zip(sockets, (60, 100), strict=True):
                    await socket.send_bytes(_frame(number, spot(80, x)))
                    answer = await socket.receive_json(timeout=5)
                    seen.append(answer['people'][0]['seen'])
            assert seen[0] == seen[1] == {'x0': 0, 'y0': 0, 'x1': 160, 'y1': 160}
            for box, x in zip(seen[2:], (60, 100), strict=True):
                assert (box['x0'] + box['x1']) / 2 == pytest.approx(x, abs=6)
                assert box['x1'] - box['x0'] == 40
            for socket in sockets:
                await socket.close()

    in_loop(test)


def test_the_server_answers_while_the_predictor_is_busy(
    finder: PoseFinder, predictor: Any, spot: Spot, serving: Serving, in_loop: InLoop,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            predictor.gate.clear()
            busy = asyncio.create_task(client.post('/pose', data=spot(9, 9), headers=PNG))
            await _began(predictor)
            start = time.perf_counter()
            assert (await client.get('/')).status == 200
            socket = await _join(client)
            assert time.perf_counter() - start < 1
            predictor.gate.set()
            assert (await busy).status == 200
            await socket.close()

    in_loop(test)


def test_one_picture_too_many_is_told_to_come_again(
    finder: PoseFinder, predictor: Any, spot: Spot, serving: Serving, in_loop: InLoop,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            predictor.gate.clear()
            held = [asyncio.create_task(client.post('/pose', data=spot(9, 9), headers=PNG))
                    for _ in range(server.MAX_REQUESTS)]
            await _began(predictor)
            refused = await client.post('/pose', data=spot(9, 9), headers=PNG)
            assert refused.status == 503
            assert int(refused.headers['Retry-After']) > 0
            predictor.gate.set()
            assert {response.status for response in await asyncio.gather(*held)} == {200}
            assert (await client.post('/pose', data=spot(9, 9), headers=PNG)).status == 200

    in_loop(test)


def test_one_page_too_many_is_told_to_come_again(finder: PoseFinder, serving: Serving, in_loop: InLoop) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            sockets = [await _join(client) for _ in range(server.MAX_PAGES)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await client.ws_connect('/live')
            assert caught.value.status == 503
            await sockets[0].close()
            await asyncio.sleep(0.05)
            await (await _join(client)).close()
            for socket in sockets:
                await socket.close()

    in_loop(test)


def test_a_picture_that_does_not_arrive_is_not_waited_for(
    finder: PoseFinder, serving: Serving, in_loop: InLoop, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, 'UPLOAD_TIME', 0.1)

    async def test() -> None:
        async with serving(finder) as client:
            reader, writer = await asyncio.open_connection('127.0.0.1', client.port)
            writer.write(f'POST /pose HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nContent-Type: image/png\r\n'
                         'Content-Length: 1000\r\n\r\nabc'.encode())
            assert b' 408 ' in await asyncio.wait_for(reader.readline(), 5)
            writer.close()

    in_loop(test)


@pytest.mark.parametrize('message', ['{"mode": "x"}', 'no JSON', '[]', '{"mode": [1]}', '[' * 9000, b'abc'])
def test_a_page_that_talks_nonsense_is_sent_away(
    finder: PoseFinder, serving: Serving, in_loop: InLoop, message: str | bytes,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await _join(client)
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
            assert (await socket.receive(timeout=5)).type == aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1008
            await (await _join(client)).close()

    in_loop(test)


def test_a_frame_that_is_no_picture_does_not_end_the_connection(
    finder: PoseFinder, spot: Spot, serving: Serving, in_loop: InLoop,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await _join(client)
            await socket.send_bytes(_frame(7, b'rubbish'))
            answer = await socket.receive_json(timeout=5)
            assert answer['number'] == 7
            assert 'not a picture' in answer['error']
            await socket.send_bytes(_frame(8, spot(50, 50)))
            assert (await socket.receive_json(timeout=5))['number'] == 8
            await socket.close()

    in_loop(test)


def test_a_frame_that_is_too_large_ends_the_connection(finder: PoseFinder, serving: Serving, in_loop: InLoop) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await _join(client)
            with suppress(ConnectionError):  # it may be cut while the frame is still on its way
                await socket.send_bytes(bytes(5 << 20))
            assert (await socket.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            await (await _join(client)).close()

    in_loop(test)


def test_a_page_that_leaves_in_the_middle_leaves_nothing_behind(
    finder: PoseFinder, predictor: Any, spot: Spot, serving: Serving, in_loop: InLoop,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            for _ in range(3):
                predictor.began.clear()
                predictor.gate.clear()
                socket = await _join(client)
                await socket.send_bytes(_frame(1, spot(9, 9)))
                await _began(predictor)
                await socket.send_bytes(_frame(2, spot(9, 9)))
                await socket.close()
                predictor.gate.set()
            response = await asyncio.wait_for(client.post('/pose', data=spot(9, 9), headers=PNG), 5)
            assert response.status == 200
            names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
            assert not any('_answer_frames' in name for name in names)

    in_loop(test)
