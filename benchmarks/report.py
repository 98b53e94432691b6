"""Measure every ratio that has a target, print them in one table, and write docs/speed.md and its picture.

    python -m benchmarks                what `make bench` runs: at most 5 minutes on two idle cores
    python -m benchmarks --check        compare with benchmarks/recorded.json: exit status 1 if one is worse by a tenth
    python -m benchmarks --record       write benchmarks/recorded.json, too
    python -m benchmarks compare        networks, engines and GPUs of your choice
    python -m benchmarks gpu            training and prediction on a GPU

Each of the last two has its own --help; benchmarks/README.md explains the columns.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import demos, growth
from benchmarks.cases import MODES, Case
from benchmarks.compare import Result, machine, measure
from benchmarks.harness import table
from hourglass.errors import ArgumentParser
from hourglass.files import write_bytes
from hourglass.results import write_json

ROOT = Path(__file__).resolve().parents[1]
PAGE, COST, RECORDED = ROOT / 'docs' / 'speed.md', ROOT / 'docs' / 'cost.png', ROOT / 'benchmarks' / 'recorded.json'
START, END = '<!-- figures: `make bench` writes what follows -->', '<!-- end of figures -->'
PICTURE = '\n![Milliseconds over people in an image, stacks, input size and people at once](cost.png)'
MEMORY = ', memory'
#: A ratio may be this many times the recorded one.
TOLERANCE = 1.1
#: Most timings of each case, and channels inside an hourglass for the picture.
REPEATS, WIDTH = 7, 256
#: Seconds for the timings of one case, by whether it is training, and of one point of the picture.
BUDGETS, POINT_BUDGET = {False: 15., True: 60.}, 6.


class Target(NamedTuple):
    """A ratio of two figures, and the largest value that it should have.

    A figure is one of these: the best time for each image in a mode; the ``floor``, which is the time of the
    convolutions' operations at the rate of a matrix product; a mode's peak memory (the mode and :data:`MEMORY`); or a
    time of :data:`DEMOS`.
    """

    title: str
    case: Case
    figure: str
    by: str
    limit: float
    by_case: Case | None = None

    @property
    def figures(self) -> tuple[tuple[Case, str], tuple[Case, str]]:
        return (self.case, self.figure), (self.by_case or self.case, self.by)


ONE, EIGHT, STEP = Case('full'), Case('full', batch=8), Case('full', training=True, batch=4)
SMALL, STEP_16, STEP_32 = Case('bundled'), *(Case('bundled', training=True, batch=n) for n in (16, 32))
TARGETS = (
    Target('full, one image: our functions / stock Chainer', ONE, 'fast', 'stock', .40),
    Target('full, one image: ONNX Runtime / floor', ONE, 'onnxruntime', 'floor', 1.25),
    Target('full, one image: ONNX Runtime / PyTorch', ONE, 'onnxruntime', 'torch', .70),
    Target('full, an image in a batch of 8 / one alone: ONNX Runtime', EIGHT, 'onnxruntime', 'onnxruntime', 1.05, ONE),
    Target('full, training step of 4: our functions / stock Chainer', STEP, 'fast', 'stock', .33),
    Target('full, training step of 4: our functions / PyTorch', STEP, 'fast', 'torch', 1.3),
    Target('full, memory of that step: our functions / stock Chainer', STEP, 'fast' + MEMORY, 'stock' + MEMORY, 1.),
    Target('bundled, one image: our functions / PyTorch', SMALL, 'fast', 'torch', 1.),
    Target('bundled, one image: ONNX Runtime / floor', SMALL, 'onnxruntime', 'floor', 1.7),
    Target('bundled, training step of 16: our functions / PyTorch', STEP_16, 'fast', 'torch', .8),
    Target('bundled, training step of 32: our functions / PyTorch', STEP_32, 'fast', 'torch', .8),
)

#: Times of ``demo_multi_person.py``, by the same rule; 30 frames a second are wanted.
PICTURES, VIDEO, VIDEO_INT8 = Case('pictures'), Case('video'), Case('video int8')
DEMOS = (
    Target('demo_multi_person.py, a picture / finding its people alone', PICTURES, 'whole', 'finder', 1.1),
    Target('a video of 1280 x 720, two people, bundled-fast / 30 frames a second', VIDEO, 'whole', 'wanted', 1.),
    Target('the same video with --precision int8 / 30 frames a second', VIDEO_INT8, 'whole', 'wanted', 1., VIDEO),
)

Figures = dict[tuple[Case, str], float]


def measure_figures(targets: Iterable[Target]) -> tuple[Figures, dict[str, str], float]:
    """Return the figures for the targets, why modes were left out, and the operations a second of a matrix product."""
    wanted: dict[Case, set[str]] = {}
    for case, figure in (pair for target in targets for pair in target.figures):
        wanted.setdefault(case, set()).add(figure)
    results: dict[Case, Result] = {}
    problems: dict[str, str] = {}
    for case, names in wanted.items():
        print(f'measuring {case} ...', file=sys.stderr, flush=True)
        results[case] = measure(case, [mode for mode in MODES if mode in names], REPEATS, BUDGETS[case.training],
                                memory_modes=[mode for mode in MODES if mode + MEMORY in names])
        problems |= results[case].problems
    rate = max(result.rate for result in results.values())
    figures: Figures = {}
    for case, result in results.items():
        figures[case, 'floor'] = result.operations / rate / case.batch
        figures |= {(case, mode): min(times) / case.batch for mode, times in result.seconds.items()}
        figures |= {(case, mode + MEMORY): float(peak) for mode, peak in result.memory.items()}
    return figures, problems, rate


def measure_demos() -> Figures:
    """Return what :data:`DEMOS` need."""
    print('measuring the demos ...', file=sys.stderr, flush=True)
    picture, finder = demos.time_pictures()
    return {(PICTURES, 'whole'): picture, (PICTURES, 'finder'): finder, (VIDEO, 'wanted'): 1 / 30,
            (VIDEO, 'whole'): demos.time_video(), (VIDEO_INT8, 'whole'): demos.time_video('int8')}


def ratios(targets: Iterable[Target], figures: Figures) -> dict[str, float]:
    """Return the ratio of each target whose figures are there, by its title."""
    return {target.title: figures[target.figures[0]] / figures[target.figures[1]]
            for target in targets if all(figure in figures for figure in target.figures)}


def ratio_table(targets: Iterable[Target], figures: Figures) -> str:
    """Return the table of all targets with both figures, in ms an image or in MB."""
    def show(figure: tuple[Case, str]) -> str:
        if figure not in figures:
            return '-'
        is_memory = figure[1].endswith(MEMORY)
        return f'{figures[figure] / 2 ** 20:.0f} MB' if is_memory else f'{figures[figure] * 1e3:.1f} ms'

    measured = ratios(targets, figures)
    rows = [['network, task: what / by what', 'what', 'by what', 'ratio', 'target', '']]
    for target in targets:
        value = measured.get(target.title)
        verdict = ('not measured' if value is None else 'met' if value <= target.limit
                   else f'missed by {value / target.limit - 1:.0%}')
        rows.append([target.title, *map(show, target.figures), '-' if value is None else f'{value:.2f}',
                     f'{target.limit:.2f}', verdict])
    return table(rows)


def fill_page(page: str, text: str) -> str:
    """Return the text of a page with other text between its two marks."""
    before, rest = page.split(START)
    return f'{before}{START}\n{text}\n{END}{rest.split(END)[1]}'


def main(arguments: list[str]) -> None:
    parser = ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument('--check', action='store_true', help='compare with the recorded ratios and write no page')
    action.add_argument('--record', action='store_true', help='record the ratios')
    options = parser.parse_args(arguments)

    figures, problems, rate = measure_figures(TARGETS)
    figures |= measure_demos()
    targets = TARGETS + DEMOS
    measured = ratios(targets, figures)
    facts: dict[str, Any] = {**machine(), 'flop_per_second': rate}
    lines = [f'{facts["threads"]} threads, {rate / 1e9:.0f} GFLOP/s in a matrix product; NumPy {facts["numpy"]}, '
             f'Chainer {facts["chainer"]}. Best runs; times are for each image.', '', ratio_table(targets, figures)]
    lines += [f'\n{mode}: not measured ({problem})' for mode, problem in problems.items()]
    print('\n'.join(lines), flush=True)
    if options.check:
        check(measured, json.loads(RECORDED.read_text())['ratios'])
        return
    if options.record:
        rounded = {title: round(ratio, 3) for title, ratio in measured.items()}
        write_json(RECORDED, {'machine': facts, 'ratios': rounded})
    growth.draw_growth(COST, growth.PANELS, WIDTH, REPEATS, POINT_BUDGET)
    write_bytes(PAGE, fill_page(PAGE.read_text(encoding='utf-8'), '\n'.join([*lines, PICTURE])).encode())


def check(measured: Mapping[str, float], recorded: Mapping[str, float]) -> None:
    """Exit with status 1 if a ratio is worse than the recorded one by more than a tenth."""
    is_worse = False
    for target in TARGETS + DEMOS:
        new, old = measured.get(target.title), recorded.get(target.title)
        if new is None or old is None:
            print(f'{target.title}: not compared', file=sys.stderr)
        elif new > TOLERANCE * old:
            print(f'{target.title}: {new:.3f}, recorded {old:.3f}', file=sys.stderr)
            is_worse = True
    if is_worse:
        sys.exit(1)
