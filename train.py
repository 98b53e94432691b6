#!/usr/bin/env python3
"""Train a stacked hourglass network; ``--help`` explains the options."""

from __future__ import annotations

from training.options import training

if __name__ == '__main__':
    training()
