from __future__ import annotations

import asyncio
import inspect

from demos.webcam.finder import PoseFinder
from hourglass.people import PeoplePredictor
from tests.demos.webcam.spots import SpotPredictor
from tests.stand_ins import FixedBoxes

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function, and fail if it takes too long."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 300))
    return True


@pytest.fixture
def predictor() -> SpotPredictor:
    return SpotPredictor()


@pytest.fixture
def finder(predictor: SpotPredictor) -> PoseFinder:
    return PoseFinder(PeoplePredictor(predictor, FixedBoxes()))
