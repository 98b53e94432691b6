"""Scores of predicted poses: PCK, PCKh, and their tables."""

import hourglass.compat  # noqa: F401  (makes Chainer importable)
