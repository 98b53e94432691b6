#!/usr/bin/env python3
"""Train a stacked hourglass network."""

from __future__ import annotations

from hourglass.errors import run


def main() -> None:
    from training import train
    from training.distributed import report_once
    from training.options import parse_config

    with report_once():
        train(parse_config())


if __name__ == '__main__':
    run(main)
