"""Run a benchmark: ``python -m benchmarks --help``."""

from __future__ import annotations

import sys
from importlib import import_module

from hourglass.errors import run

#: ``compare`` on a GPU, in less than two minutes; further options come after these.
GPU = ['--gpu', '0', '--networks', 'full', 'bundled', '--tasks', 'prediction', 'training', '--batches', '32',
       '--repeats', '5']


def main() -> None:
    name, arguments = 'report', sys.argv[1:]
    if arguments and arguments[0] in ('compare', 'gpu'):
        name, *arguments = arguments
    if name == 'gpu':
        name, arguments = 'compare', GPU + arguments
    import_module(f'benchmarks.{name}').main(arguments)


if __name__ == '__main__':
    run(main)
