from __future__ import annotations

import asyncio
from contextlib import suppress

from demos.webcam.finder import PoseFinder
from tests.demos.webcam.spots import SpotPredictor, frame, join, serving, spot

import aiohttp
import pytest


async def test_of_many_frames_the_newest_is_answered(finder: PoseFinder, predictor: SpotPredictor) -> None:
    async with serving(finder) as client:
        socket = await join(client)
        predictor.gate.clear()
        await socket.send_bytes(frame(1, spot(20, 20)))
        await predictor.at_gate()
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


async def test_each_page_follows_its_own_person(finder: PoseFinder) -> None:
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


async def test_messages_that_are_wrong_end_the_connection_and_a_damaged_picture_does_not(finder: PoseFinder) -> None:
    async with serving(finder) as client:
        for message in ('{"mode": "x"}', '[]', '{"mode": [1]}', '[' * 9000, b'abc'):
            socket = await join(client)
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
            assert (await socket.receive(timeout=60)).type == aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1008
        socket = await join(client)
        await socket.send_bytes(frame(7, b'rubbish'))
        answer = await socket.receive_json(timeout=60)
        assert answer['number'] == 7
        assert 'not a picture' in answer['error']
        await socket.send_bytes(frame(8, spot(50, 50)))
        assert (await socket.receive_json(timeout=60))['number'] == 8
        with suppress(ConnectionError):  # a frame that is too large: the connection may end while it is on its way
            await socket.send_bytes(bytes(5 << 20))
        assert (await socket.receive(timeout=60)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await (await join(client)).close()


async def test_a_page_that_leaves_in_the_middle_leaves_nothing_behind(
    finder: PoseFinder, predictor: SpotPredictor,
) -> None:
    async with serving(finder) as client:
        predictor.gate.clear()
        socket = await join(client)
        await socket.send_bytes(frame(1, spot(9, 9)))
        await predictor.at_gate()
        await socket.send_bytes(frame(2, spot(9, 9)))
        await socket.close()
        predictor.gate.set()
        assert (await client.post('/pose', data=spot(9, 9))).status == 200
        names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
        assert not any('_answer_frames' in name for name in names)
