"""Stacked Hourglass Networks for human pose estimation, in Chainer.

::

    from hourglass import PosePredictor
    pose = PosePredictor.load('bundled').predict('person.jpg')
    print(pose.joints['left wrist'])        # Joint(y=..., x=..., score=...), in pixels of the picture
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
