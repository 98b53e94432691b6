"""Stacked Hourglass Networks for human pose estimation, in Chainer.

::

    from hourglass import PosePredictor, read_image
    pose, = PosePredictor.load('bundled').poses([read_image('person.jpg', upright=True)])
"""

from typing import TYPE_CHECKING

from hourglass import compat  # noqa: F401  (makes Chainer importable; before everything else)
from hourglass.lazy import lazy_names

if TYPE_CHECKING:
    from hourglass.image import read_image
    from hourglass.people import PeoplePredictor
    from hourglass.predictor import PosePredictor

__all__ = ['PeoplePredictor', 'PosePredictor', 'read_image']

__getattr__ = lazy_names(__name__, {'PeoplePredictor': 'people', 'PosePredictor': 'predictor', 'read_image': 'image'})
