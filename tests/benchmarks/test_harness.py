"""Timing by turns, and tables."""

from benchmarks.harness import table, time_by_turns


def test_runs_take_turns():
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in 'ab'}
    assert {name: len(times) for name, times in time_by_turns(runs, 2).items()} == {'a': 2, 'b': 2}
    assert calls == ['a', 'b', *['a', 'b'] * 2]
    calls.clear()
    time_by_turns(runs, 1, settle=True)
    assert calls == ['a', 'b', 'a', 'a', 'b', 'b']


def test_a_run_that_takes_much_of_the_budget_is_not_repeated(monkeypatch):
    now, calls = [0.], []

    def slow():
        now[0] += 30

    monkeypatch.setattr('time.perf_counter', lambda: now[0])
    seconds = time_by_turns({'slow': slow, 'fast': lambda: calls.append('fast')}, 1, budget=100)
    assert seconds == {'slow': [30], 'fast': [0]}
    assert calls == ['fast'] * 2


def test_columns_have_one_width():
    assert table([['a', 'bc'], ['def', 'g']]) == '| a   | bc |\n| --- | -: |\n| def |  g |'
