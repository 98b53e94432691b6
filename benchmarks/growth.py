"""How the time of a prediction grows: with people in an image, stacks, input size and batch.

    python -m benchmarks growth --out growth.png --json growth.json

Each panel of the picture changes one of them and leaves the others at one person, two stacks and 256 x 256 pixels.
Chainer runs the network with this project's functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Run, positive, script_parser, time_by_turns
from hourglass.crop import Square, person_box
from hourglass.files import atomic_write, check_targets
from hourglass.functions.parallel import workers
from hourglass.predictor import PosePredictor
from hourglass.results import write_json
from hourglass.spec import ModelSpec

import numpy as np
from tqdm import tqdm


class Point(NamedTuple):
    """What is predicted: people at once, stacks of the network, height and width of its input."""

    people: int = 1
    stacks: int = 2
    size: int = 256


class Panel(NamedTuple):
    """One panel of the picture: what it changes, its points by that value, and what their time is divided by."""

    title: str
    points: dict[int, Point]
    per: str


PEOPLE = {n: Point(people=n) for n in (1, 2, 4, 8, 16)}
PANELS = (
    Panel('people in an image', PEOPLE, 'image'),
    Panel('stacks', {n: Point(stacks=n) for n in (1, 2, 4, 8)}, 'person'),
    Panel('height and width of the input', {n: Point(size=n) for n in (128, 192, 256, 320, 384)}, 'person'),
    Panel('people at once', PEOPLE, 'person'),
)
#: For each title of a panel: the values, and for each of them the milliseconds of all timings.
Growth = dict[str, dict[int, list[float]]]


def prediction(point: Point, width: int) -> Run:
    """Return what predicts the people of one image, who stand side by side."""
    spec = ModelSpec(width=width, n_stack=point.stacks, input_size=(point.size, point.size))
    predictor = PosePredictor(spec.build_network(), spec, batchsize=16)
    image = np.random.default_rng(0).random((3, 480, 640), np.float32) * 255
    boxes = [person_box(Square(240., 20. + 600 * i / point.people, 300.), image.shape[1:], spec)
             for i in range(point.people)]
    return lambda: predictor.poses([image] * len(boxes), boxes)


def measure(panels: Sequence[Panel], width: int, repeats: int, budget: float = math.inf) -> Growth:
    """Time all points; ``budget`` is in seconds for each."""
    points = dict.fromkeys(point for panel in panels for point in panel.points.values())
    seconds = {point: time_by_turns({'point': prediction(point, width)}, repeats, budget)['point']
               for point in tqdm(points, unit='point', disable=None)}
    return {panel.title: {value: [1e3 * t / (point.people if panel.per == 'person' else 1) for t in seconds[point]]
                          for value, point in panel.points.items()} for panel in panels}


def draw(growth: Growth, path: Path) -> None:
    """Draw a panel for each quantity: the median, and the range as a band."""
    import matplotlib as mpl
    mpl.use('Agg')
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(PANELS), figsize=(3.4 * len(PANELS), 3.2))
    try:
        for axis, panel in zip(axes, PANELS, strict=True):
            values, times = zip(*growth[panel.title].items(), strict=True)
            axis.plot(values, list(map(np.median, times)), 'o-')
            axis.fill_between(values, list(map(min, times)), list(map(max, times)), alpha=.2)
            axis.set(xlabel=panel.title, ylabel=f'ms per {panel.per}', ylim=(0, None), xticks=values)
            axis.grid(alpha=.4)
        figure.tight_layout()
        with atomic_write(path) as partial:
            figure.savefig(partial, dpi=100)
    finally:
        plt.close(figure)


def main(arguments: list[str]) -> None:
    parser = script_parser('growth', __doc__)
    parser.add_argument('--out', type=Path, default=Path('growth.png'), metavar='FILE',
                        help='picture to write (default: growth.png)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures to this file, too')
    parser.add_argument('--width', type=positive, default=256, help='channels inside an hourglass (default: 256)')
    parser.add_argument('--repeats', type=positive, default=5, metavar='N', help='timings of each point (default: 5)')
    options = parser.parse_args(arguments)
    check_targets((options.out, options.json), ())

    growth = measure(PANELS, options.width, options.repeats)
    draw(growth, options.out)
    if options.json:
        write_json(options.json, {'width': options.width, 'threads': workers().size, 'ms': growth})
    for panel in PANELS:
        medians = ', '.join(f'{value}: {np.median(times):.0f}' for value, times in growth[panel.title].items())
        print(f'ms per {panel.per} over {panel.title}: {medians}')
