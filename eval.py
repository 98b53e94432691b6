#!/usr/bin/env python3
"""Score a network on an annotated data set, or a file of predictions; ``--help`` explains the options."""

from eval.options import evaluation

if __name__ == '__main__':
    evaluation()
