from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from demos.webcam import server
from demos.webcam.finder import PoseFinder

import aiohttp
import pytest

InLoop = Callable[[Callable[[], Awaitable[None]]], None]
Spot = Callable[..., bytes]
Serving = Callable[..., Any]
Frame = Callable[[int, bytes], bytes]
Join = Callable[[Any], Awaitable[Any]]
Began = Callable[[Any], Awaitable[None]]
PNG = {'Content-Type': 'image/png'}


def test_of_many_frames_the_newest_is_answered(
    finder: PoseFinder, predictor: Any, spot: Spot, serving: Serving, in_loop: InLoop, frame: Frame, join: Join,
    began: Began,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await join(client)
            predictor.gate.clear()
            await socket.send_bytes(frame(1, spot(20, 20)))
            await began(predictor)
            for number in range(2, 30):
                await socket.send_bytes(frame(number, spot(100, 4 * number)))
            await client.get('/')  # by now the frames have arrived
            predictor.gate.set()
            answers = [await socket.receive_json(timeout=60) for _ in range(2)]
            assert [answer['number'] for answer in answers] == [1, 29]
            assert answers[1]['people'][0]['joints'][0]['x'] == pytest.approx(116, abs=6)
            assert predictor.n_calls == 2
            with pytest.raises(asyncio.TimeoutError):
                await socket.receive_json(timeout=0.1)
            await socket.close()

    in_loop(test)


def test_several_pages_get_their_own_answers_and_equal_shares(
    finder: PoseFinder, spot: Spot, serving: Serving, in_loop: InLoop, frame: Frame, join: Join,
) -> None:
    async def test() -> None:
        places = {0: (40, 40), 1: (120, 40), 2: (40, 120)}
        served: list[int] = []
        async with serving(finder) as client:
            async def page(i: int) -> None:
                y, x = places[i]
                socket = await join(client)
                # The first sends twice as many frames as are answered.
                per_answer = 2 if i == 0 else 1
                await socket.send_bytes(frame(100 * i, spot(y, x)))
                for n in range(1, 13):
                    for k in range(per_answer):
                        await socket.send_bytes(frame(100 * i + per_answer * n + k, spot(y, x)))
                    answer = await socket.receive_json(timeout=60)
                    served.append(i)
                    assert answer['number'] // 100 == i
                    joint = answer['people'][0]['joints'][0]
                    assert (joint['x'], joint['y']) == (pytest.approx(x, abs=6), pytest.approx(y, abs=6))
                await socket.close()

            await asyncio.gather(*(page(i) for i in places))
        # While all three are there, each gets a third.
        assert all(served[:24].count(i) >= 6 for i in places)

    in_loop(test)


def test_each_page_follows_its_own_person(
    finder: PoseFinder, spot: Spot, serving: Serving, in_loop: InLoop, frame: Frame, join: Join,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            sockets = [await join(client) for _ in range(2)]
            for socket in sockets:
                await socket.send_str('{"mode": "anywhere"}')
            seen = []
            for number in range(2):
                for socket, x in zip(sockets, (60, 100), strict=True):
                    await socket.send_bytes(frame(number, spot(80, x)))
                    answer = await socket.receive_json(timeout=60)
                    seen.append(answer['people'][0]['seen'])
            assert seen[0] == seen[1] == {'x0': 0, 'y0': 0, 'x1': 160, 'y1': 160}
            for box, x in zip(seen[2:], (60, 100), strict=True):
                assert (box['x0'] + box['x1']) / 2 == pytest.approx(x, abs=6)
                assert box['x1'] - box['x0'] == 40
            for socket in sockets:
                await socket.close()

    in_loop(test)


def test_one_page_too_many_is_refused_for_now(
    finder: PoseFinder, serving: Serving, in_loop: InLoop, join: Join,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            sockets = [await join(client) for _ in range(server.MAX_PAGES)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await client.ws_connect('/live')
            assert caught.value.status == 503
            await sockets[0].close()
            while True:  # until the server has noticed it
                try:
                    await (await join(client)).close()
                    break
                except aiohttp.WSServerHandshakeError:
                    await asyncio.sleep(0.01)
            for socket in sockets:
                await socket.close()

    in_loop(test)


@pytest.mark.parametrize('message', ['{"mode": "x"}', 'no JSON', '[]', '{"mode": [1]}', '[' * 9000, b'abc'])
def test_a_page_that_talks_nonsense_is_sent_away(
    finder: PoseFinder, serving: Serving, in_loop: InLoop, message: str | bytes, join: Join,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await join(client)
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
            assert (await socket.receive(timeout=60)).type == aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1008
            await (await join(client)).close()

    in_loop(test)


def test_a_frame_that_is_no_picture_does_not_end_the_connection(
    finder: PoseFinder, spot: Spot, serving: Serving, in_loop: InLoop, frame: Frame, join: Join,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await join(client)
            await socket.send_bytes(frame(7, b'rubbish'))
            answer = await socket.receive_json(timeout=60)
            assert answer['number'] == 7
            assert 'not a picture' in answer['error']
            await socket.send_bytes(frame(8, spot(50, 50)))
            assert (await socket.receive_json(timeout=60))['number'] == 8
            await socket.close()

    in_loop(test)


def test_a_frame_that_is_too_large_ends_the_connection(
    finder: PoseFinder, serving: Serving, in_loop: InLoop, join: Join,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            socket = await join(client)
            with suppress(ConnectionError):  # it may be cut while the frame is still on its way
                await socket.send_bytes(bytes(5 << 20))
            assert (await socket.receive(timeout=60)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            await (await join(client)).close()

    in_loop(test)


def test_a_page_that_leaves_in_the_middle_leaves_nothing_behind(
    finder: PoseFinder, predictor: Any, spot: Spot, serving: Serving, in_loop: InLoop, frame: Frame, join: Join,
    began: Began,
) -> None:
    async def test() -> None:
        async with serving(finder) as client:
            for _ in range(3):
                predictor.began.clear()
                predictor.gate.clear()
                socket = await join(client)
                await socket.send_bytes(frame(1, spot(9, 9)))
                await began(predictor)
                await socket.send_bytes(frame(2, spot(9, 9)))
                await socket.close()
                predictor.gate.set()
            response = await asyncio.wait_for(client.post('/pose', data=spot(9, 9), headers=PNG), 5)
            assert response.status == 200
            names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
            assert not any('_answer_frames' in name for name in names)

    in_loop(test)
