"""Prediction and training on a GPU: Chainer's functions, this project's and PyTorch, in less than two minutes.

    python -m benchmarks gpu
    python -m benchmarks gpu --gpu 1 --networks full --batches 8 16

It takes the options of ``compare``; by default: GPU 0, the full and the bundled network, batches of 32.
"""

from __future__ import annotations

from benchmarks import compare


def main(arguments: list[str]) -> None:
    compare.main(['--gpu', '0', '--networks', 'full', 'bundled', '--tasks', 'prediction', 'training', '--batches', '32',
                  '--repeats', '5', *arguments])
