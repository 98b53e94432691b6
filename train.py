#!/usr/bin/env python3
"""Train a stacked hourglass network; ``--help`` explains the options."""

from training.options import training

if __name__ == '__main__':
    training()
