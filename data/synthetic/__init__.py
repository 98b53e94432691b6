"""People drawn by the program itself, with exact joints: data for training, tests and the demo without a download.

A scene (:mod:`data.synthetic.scene`) has articulated bodies (:mod:`~data.synthetic.body`,
:mod:`~data.synthetic.pose`, :mod:`~data.synthetic.skeleton`) with clothes (:mod:`~data.synthetic.outfit`,
:mod:`~data.synthetic.look`), whose surfaces (:mod:`~data.synthetic.surface`) are drawn through a z-buffer
(:mod:`~data.synthetic.raster`), lit (:mod:`~data.synthetic.shading`) and laid over a place
(:mod:`~data.synthetic.background`).
"""

from typing import TYPE_CHECKING, Any

from data.synthetic.annotation import Annotation
from data.synthetic.demo import demo_person, demo_scene
from data.synthetic.demo_people import demo_people
from data.synthetic.render import RenderedPerson, render_person, render_scene

__all__ = ['Annotation', 'RenderedPerson', 'SyntheticDataset', 'demo_people', 'demo_person', 'demo_scene',
           'render_person', 'render_scene']

if TYPE_CHECKING:
    from data.synthetic.dataset import SyntheticDataset


def __getattr__(name: str) -> Any:
    # A data set is a class of Chainer's, which a single picture need not wait for.
    if name != 'SyntheticDataset':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from data.synthetic.dataset import SyntheticDataset

    return SyntheticDataset
