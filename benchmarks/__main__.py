"""Run a benchmark: ``python -m benchmarks --help``."""

from __future__ import annotations

import sys

from hourglass.errors import run

#: What ``gpu`` stands for: ``compare`` with these options, and those that follow.
GPU = ('--gpu', '0', '--networks', 'full', 'bundled', '--tasks', 'prediction', 'training', '--batches', '32',
       '--repeats', '5')


def main() -> None:
    name, *options = sys.argv[1:] or ['']
    if name in ('compare', 'gpu'):
        from benchmarks import compare

        compare.main([*(GPU if name == 'gpu' else ()), *options])
    else:
        from benchmarks import report

        report.main(sys.argv[1:])


if __name__ == '__main__':
    run(main)
