"""Run a benchmark: ``python -m benchmarks --help``."""

from __future__ import annotations

import sys
from importlib import import_module

from hourglass.errors import run


def main() -> None:
    name, arguments = 'report', sys.argv[1:]
    if arguments and arguments[0] in ('compare', 'gpu'):
        name, *arguments = arguments
    import_module(f'benchmarks.{name}').main(arguments)


if __name__ == '__main__':
    run(main)
