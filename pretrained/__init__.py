"""Weights: the registry of published files, downloads, and the weights that come with the project."""

import hourglass.compat  # noqa: F401  (makes Chainer importable)
