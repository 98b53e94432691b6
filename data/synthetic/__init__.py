"""People drawn by the program itself, with exact joints: data for training, tests and the demo without a download.

A scene (:mod:`data.synthetic.scene`) has articulated bodies (:mod:`~data.synthetic.body`,
:mod:`~data.synthetic.pose`, :mod:`~data.synthetic.skeleton`) with clothes (:mod:`~data.synthetic.outfit`,
:mod:`~data.synthetic.look`), whose surfaces (:mod:`~data.synthetic.surface`) are drawn through a z-buffer
(:mod:`~data.synthetic.raster`), lit (:mod:`~data.synthetic.shading`) and laid over a place
(:mod:`~data.synthetic.background`).
"""

from data.synthetic.annotation import Annotation
from data.synthetic.dataset import SyntheticDataset
from data.synthetic.demo import demo_person, demo_scene
from data.synthetic.render import RenderedPerson, render_person, render_scene

__all__ = ['Annotation', 'RenderedPerson', 'SyntheticDataset', 'demo_person', 'demo_scene', 'render_person',
           'render_scene']
