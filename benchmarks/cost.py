"""How the time of a prediction grows: with people per image, stacks, input size and batch.

    python -m benchmarks.cost --out cost.png --json cost.json

Each panel of the picture changes one of them and leaves the others at one person, two stacks, 256 x 256 pixels and
single images.  benchmarks/README.md says more.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hourglass.crop import Square, person_box
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.files import atomic_write, check_targets
from hourglass.functions.parallel import workers
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec

import numpy as np
from tqdm import tqdm


class Panel(NamedTuple):
    """What one panel of the picture changes, and what a point's time is divided by."""

    title: str
    values: tuple[int, ...]
    per: str


PANELS = {
    'people': Panel('people in an image', (1, 2, 4, 8, 16), 'image'),
    'stacks': Panel('stacks', (1, 2, 4, 8), 'person'),
    'input': Panel('height and width of the input', (128, 192, 256, 320, 384), 'person'),
    'batch': Panel('people at once', (1, 2, 4, 8, 16), 'person'),
}


def _predictor(width: int, stacks: int = 2, size: int = 256, batch: int = 16) -> PosePredictor:
    spec = ModelSpec(width=width, n_stack=stacks, input_size=(size, size))
    return PosePredictor(spec.build_network(), spec, batchsize=batch)


def prediction(panel: str, value: int, width: int) -> tuple[Callable[[], Any], int]:
    """Return what is timed for a point, and the number that its time is divided by."""
    image = np.random.default_rng(0).random((3, 480, 640), np.float32) * 255
    if panel == 'people':
        predictor = _predictor(width)
        boxes = [person_box(Square(240., 20. + 600 * i / value, 300.), image.shape[1:], predictor.spec)
                 for i in range(value)]
        return lambda: predictor.poses([image] * value, boxes), 1
    predictor = {'stacks': lambda: _predictor(width, stacks=value), 'input': lambda: _predictor(width, size=value),
                 'batch': lambda: _predictor(width, batch=value)}[panel]()
    n = value if panel == 'batch' else 1
    return lambda: predictor.poses([image] * n), n


def seconds(compute: Callable[[], Any], repeats: int) -> list[float]:
    """Time a function, after one run that does not count."""
    compute()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    return times


def measure(width: int, repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Return for each panel the points: the value, and the seconds for each image or person."""
    points: dict[str, list[dict[str, Any]]] = {name: [] for name in PANELS}
    todo = [(name, value) for name, panel in PANELS.items() for value in panel.values]
    for name, value in tqdm(todo, unit='point', disable=None):
        compute, n = prediction(name, value, width)
        points[name].append({'value': value, 'seconds': [t / n for t in seconds(compute, repeats)]})
    return points


def draw(points: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw a panel for each quantity: the median, and the range as a band."""
    import matplotlib as mpl
    mpl.use('Agg')
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(PANELS), figsize=(3.4 * len(PANELS), 3.2))
    try:
        for axis, (name, panel) in zip(axes, PANELS.items(), strict=True):
            values = [point['value'] for point in points[name]]
            times = 1e3 * np.array([point['seconds'] for point in points[name]])
            axis.plot(values, np.median(times, axis=1), 'o-')
            axis.fill_between(values, times.min(axis=1), times.max(axis=1), alpha=.2)
            axis.set(xlabel=panel.title, ylabel=f'ms per {panel.per}', ylim=(0, None), xticks=values)
            axis.grid(alpha=.4)
        figure.tight_layout()
        with atomic_write(path) as partial:
            figure.savefig(partial, dpi=100)
    finally:
        plt.close(figure)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = ArgumentParser(prog='python -m benchmarks.cost', description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--out', type=Path, default=Path('cost.png'), metavar='FILE',
                        help='picture to write (default: cost.png)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures to this file, too')
    parser.add_argument('--width', type=int, default=256, help='channels inside an hourglass (default: 256)')
    parser.add_argument('--repeats', type=int, default=5, metavar='N', help='timings of each point (default: 5)')
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        raise InputError('--repeats must be at least 1')
    check_targets((options.out, options.json), ())
    return options


def main() -> None:
    options = parse()
    points = measure(options.width, options.repeats)
    draw(points, options.out)
    if options.json:
        with atomic_write(options.json) as partial:
            Path(partial).write_text(json.dumps(
                {'width': options.width, 'threads': workers().size, 'points': points}, indent=1) + '\n')
    for name, panel in PANELS.items():
        medians = ', '.join(f'{point["value"]}: {1e3 * float(np.median(point["seconds"])):.0f}'
                            for point in points[name])
        print(f'ms per {panel.per} over {panel.title}: {medians}')


if __name__ == '__main__':
    run(main)
