"""Data sets, preprocessing and augmentation."""

import hourglass.compat  # noqa: F401  (makes Chainer importable)
