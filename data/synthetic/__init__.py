"""Rendered people with exact joints: data for training, tests and the demos without a download.

A scene (:mod:`data.synthetic.scene`) has people, each a skeleton (:mod:`~data.synthetic.skeleton`) in a pose
(:mod:`~data.synthetic.pose`) with a surface (:mod:`~data.synthetic.body`) and clothes (:mod:`~data.synthetic.clothes`),
before a background (:mod:`~data.synthetic.background`).  :mod:`~data.synthetic.render` draws it through a z-buffer
(:mod:`~data.synthetic.raster`).
"""

from typing import TYPE_CHECKING

from data.synthetic.demo import RenderedPerson, demo_people, demo_person, demo_scene, walking_clip
from data.synthetic.scene import Annotation
from hourglass.lazy import lazy_names

__all__ = ['Annotation', 'RenderedPerson', 'SyntheticDataset', 'demo_people', 'demo_person', 'demo_scene',
           'walking_clip']

if TYPE_CHECKING:
    from data.synthetic.dataset import SyntheticDataset

# Importing Chainer takes long, and only the data set needs it.
__getattr__ = lazy_names(__name__, {'SyntheticDataset': 'dataset'})
