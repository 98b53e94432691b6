"""Stacked Hourglass Networks for human pose estimation, in Chainer."""

from hourglass import compat  # noqa: F401  (makes Chainer importable; before everything else)
