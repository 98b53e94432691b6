"""Functions that packages above this one provide.

This package does not import them, so that imports point one way. Two of its functions need something from above:
:meth:`hourglass.predictor.PosePredictor.load` reads weights by name, and 8-bit calibration needs pictures of people.
Both are imported here by name when they are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hourglass.crop import Location
    from hourglass.engine.base import Engine
    from hourglass.spec import ModelSpec


def load_engine(name: str | None, gpu: int, engine: str, precision: str) -> tuple[Engine, ModelSpec]:
    """Load weights into an engine; see :func:`pretrained.engines.load_engine`."""
    return import_module('pretrained.engines').load_engine(name, gpu, engine, precision)


def rendered_people(n: int) -> Iterator[tuple[np.ndarray, Location]]:
    """Yield ``n`` rendered people; see :func:`data.synthetic.demo.rendered_people`."""
    return import_module('data.synthetic.demo').rendered_people(n)
