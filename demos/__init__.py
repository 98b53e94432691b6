"""What the demo scripts do: pictures, videos and the webcam page."""

import hourglass.compat  # noqa: F401  (makes Chainer importable)
