"""Compare figures that the other benchmarks have written with what this project wants to reach.

    python -m benchmarks.targets --engines bench-engines.json --functions bench-functions.json

benchmarks/README.md says where the targets apply.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hourglass.errors import ArgumentParser, InputError, run

PREDICTION = 'network, prediction, batch 1'
TRAINING = 'network, training, batch 4'
ENGINE = 'onnxruntime'


class Figures:
    """The files of ``benchmarks.engines`` and ``benchmarks.functions``; a KeyError tells what they lack."""

    def __init__(self, engines: Any, functions: Any) -> None:
        self.networks = {(result['network'], result['batch']): result for result in engines['results']}
        self.cases = {row['case']: row for row in functions['rows']}

    def function_ratio(self, case: str, other: str) -> float:
        """Return the best run of this project's functions by that of another mode: other work only adds time."""
        seconds = self.cases[case]['seconds']
        return min(seconds['fast']) / min(seconds[other])

    def memory_ratio(self, case: str) -> float:
        """Return the peak memory of this project's functions by that of Chainer's own."""
        peaks = self.cases[case]['peak_memory']
        return peaks['fast'] / peaks['stock']

    def engine(self, batch: int) -> float:
        """Return the best seconds an image of the full network."""
        return min(self.networks['full', batch]['seconds'][ENGINE]) / batch

    def engine_by_floor(self) -> float:
        return self.engine(1) / self.networks['full', 1]['floor']

    def engine_by_torch(self) -> float:
        return self.engine(1) / min(self.networks['full', 1]['seconds']['torch'])

    def engine_growth(self) -> float:
        """Return the time an image in the largest batch by that of a single image."""
        return self.engine(max(batch for network, batch in self.networks if network == 'full')) / self.engine(1)


class Target(NamedTuple):
    """A ratio, and the largest value that it should have."""

    title: str
    ratio: Callable[[Figures], float]
    limit: float


TARGETS = (
    Target('one image, our functions / stock Chainer', lambda f: f.function_ratio(PREDICTION, 'stock'), 0.40),
    Target('training step of 4, our functions / stock Chainer', lambda f: f.function_ratio(TRAINING, 'stock'), 0.33),
    Target('training step of 4, our functions / PyTorch', lambda f: f.function_ratio(TRAINING, 'torch'), 1.3),
    Target('memory of that step, our functions / stock Chainer', lambda f: f.memory_ratio(TRAINING), 1.0),
    Target('one image, ONNX Runtime / floor', Figures.engine_by_floor, 1.25),
    Target('one image, ONNX Runtime / PyTorch', Figures.engine_by_torch, 0.7),
    Target('time an image, ONNX Runtime, batch / one image', Figures.engine_growth, 1.05),
)


def table(figures: Figures) -> str:
    """Return a line for each target."""
    lines = [f'{"full network, float32":52}{"measured":>10}{"target":>10}']
    for title, ratio, limit in TARGETS:
        try:
            value = ratio(figures)
        except KeyError as error:
            lines.append(f'{title:52}{"-":>10}{limit:10.2f}   not measured: no {error}')
        else:
            lines.append(f'{title:52}{value:10.2f}{limit:10.2f}   {"met" if value <= limit else "missed"}')
    return '\n'.join(lines)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: {error}') from None


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = ArgumentParser(prog='python -m benchmarks.targets', description=__doc__.splitlines()[0])
    parser.add_argument('--engines', type=Path, default=Path('bench-engines.json'), metavar='FILE',
                        help='what benchmarks.engines has written')
    parser.add_argument('--functions', type=Path, default=Path('bench-functions.json'), metavar='FILE',
                        help='what benchmarks.functions has written')
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    try:
        figures = Figures(_read(options.engines), _read(options.functions))
    except (KeyError, TypeError) as error:
        raise InputError(f'{options.engines} or {options.functions}: no figures of a benchmark ({error})') from None
    print(table(figures))


if __name__ == '__main__':
    run(main)
