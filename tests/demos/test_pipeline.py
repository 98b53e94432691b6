from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from demos.pipeline import overlapped

import pytest


def _double(x: int) -> int:
    return 2 * x


def test_steps_overlap() -> None:
    # Four steps meet, each with an item of its own: without overlap the first item would wait for the others for ever.
    barrier = threading.Barrier(4)

    def meeting(place: int) -> Callable[[int], int]:
        def step(item: int) -> int:
            if item + place == 3:
                barrier.wait(timeout=120)
            return item

        return step

    assert list(overlapped(range(12), [meeting(place) for place in range(4)])) == list(range(12))


def test_a_slow_step_holds_back_the_source() -> None:
    taken = []

    def source() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    with closing(overlapped(source(), [_double])) as items:
        next(items)
        time.sleep(0.2)
        assert len(taken) <= 8


def _failing_source() -> Iterator[int]:
    yield from range(5)
    raise OSError('gone')


def _fail_at_five(x: int) -> int:
    if x == 5:
        raise OSError('gone')
    return x


@pytest.mark.parametrize(('source', 'steps'), [
    (_failing_source(), [_double, _double]),
    (range(50), [_fail_at_five, _double]),
])
def test_an_error_comes_out_after_what_was_before_it(source: Any, steps: list[Callable[[Any], Any]]) -> None:
    before = threading.active_count()
    items = overlapped(source, steps)
    got = [next(items) for _ in range(5)]
    assert len(got) == 5
    with pytest.raises(OSError, match='gone'):
        next(items)
    assert threading.active_count() == before


def test_closing_ends_every_thread() -> None:
    before = threading.active_count()
    with closing(overlapped(iter(int, 1), [_double, _double])) as items:
        next(items)
        assert threading.active_count() == before + 3
    assert threading.active_count() == before
