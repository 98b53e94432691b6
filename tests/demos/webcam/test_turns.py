from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from demos.webcam.turns import Full, Newest, Queue, Turns

import pytest

InLoop = Callable[[Callable[[], Awaitable[None]]], None]


def test_clients_take_turns_however_much_one_of_them_asks_for(in_loop: InLoop) -> None:
    async def test() -> None:
        order: list[str] = []
        with ThreadPoolExecutor(1) as executor:
            turns = Turns(executor)

            async def client(name: str, n: int) -> None:
                for _ in range(n):
                    async with turns.turn() as execute:
                        await execute(lambda: order.append(name))

            await asyncio.gather(client('greedy', 12), client('a', 3), client('b', 3))
        assert order[:9] == ['greedy', 'a', 'b'] * 3
        assert order[9:] == ['greedy'] * 9

    in_loop(test)


def test_requests_that_form_a_queue_are_one_client(in_loop: InLoop) -> None:
    async def test() -> None:
        order: list[str] = []
        with ThreadPoolExecutor(1) as executor:
            turns, queue = Turns(executor), Queue(5)

            async def request(name: str) -> None:
                async with queue.place() as in_order, in_order, turns.turn() as execute:
                    await execute(lambda: order.append(name))

            async def page() -> None:
                for _ in range(4):
                    async with turns.turn() as execute:
                        await execute(lambda: order.append('page'))

            await asyncio.gather(page(), *(request(f'request {i}') for i in range(4)))
        assert [name for name in order if name != 'page'] == [f'request {i}' for i in range(4)]
        # The page waits for no more than one of the four before each of its turns.
        assert 'request' not in order[0]
        pairs = list(itertools.pairwise(order))
        last = len(order) - 1 - order[::-1].index('page')
        assert not any(a != 'page' and b != 'page' for a, b in pairs[:last])

    in_loop(test)


def test_a_full_queue_turns_away_and_recovers(in_loop: InLoop) -> None:
    async def test() -> None:
        queue = Queue(2)
        async with queue.place():
            async with queue.place():
                with pytest.raises(Full):
                    async with queue.place():
                        pass
            async with queue.place():
                pass

    in_loop(test)


def test_an_error_ends_a_turn(in_loop: InLoop) -> None:
    async def test() -> None:
        with ThreadPoolExecutor(1) as executor:
            turns = Turns(executor)
            with pytest.raises(ZeroDivisionError):
                async with turns.turn() as execute:
                    await execute(lambda: 1 // 0)
            async with turns.turn() as execute:
                assert await execute(lambda: 7) == 7

    in_loop(test)


def test_the_newest_takes_the_place_of_what_waits(in_loop: InLoop) -> None:
    async def test() -> None:
        newest = Newest()
        newest.put(1)
        newest.put(2)
        await newest.wait()
        assert newest.take() == 2
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(newest.wait(), 0.05)

    in_loop(test)
