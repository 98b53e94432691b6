#!/usr/bin/env python3
"""Score a stacked hourglass network on an annotated data set, or score a file of predictions."""

from __future__ import annotations

from eval.options import main
from hourglass.errors import run

if __name__ == '__main__':
    run(main)
