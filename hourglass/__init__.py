"""Stacked Hourglass Networks for human pose estimation, in Chainer.

::

    from hourglass import PosePredictor, read_image
    pose, = PosePredictor.load('bundled').poses([read_image('person.jpg', upright=True)])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hourglass import compat  # noqa: F401  (makes Chainer importable; before everything else)

if TYPE_CHECKING:
    from hourglass.image import read_image
    from hourglass.people import PeoplePredictor
    from hourglass.predictor import PosePredictor

__all__ = ['PeoplePredictor', 'PosePredictor', 'read_image']

_HOMES = {'PeoplePredictor': 'people', 'PosePredictor': 'predictor', 'read_image': 'image'}


def __getattr__(name: str) -> Any:
    # What is not used is not imported.
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
