"""The demos from Python: pictures, videos and the camera page.

::

    from demos import PersonConfig, PicturesConfig, VideoConfig
    from demos import annotate_video, draw_people_in_pictures, draw_person_in_pictures
    draw_person_in_pictures(PersonConfig(image='person.jpg', out='result', auto=True))
    draw_people_in_pictures(PicturesConfig(image='photos', out='result', json='people.json', detector='bundled'))
    annotate_video(VideoConfig(video='walk.mp4', out='poses.mp4', smooth=True))
"""

from typing import TYPE_CHECKING

from hourglass.lazy import lazy_names  # (hourglass makes Chainer importable)

if TYPE_CHECKING:
    from demos.people_config import PicturesConfig
    from demos.people_pictures import draw_people_in_pictures
    from demos.person_picture import PersonConfig, draw_person_in_pictures
    from demos.video.annotate import annotate_video
    from demos.video.config import VideoConfig

__all__ = ['PersonConfig', 'PicturesConfig', 'VideoConfig', 'annotate_video', 'draw_people_in_pictures',
           'draw_person_in_pictures']

__getattr__ = lazy_names(__name__, {
    'PersonConfig': 'person_picture', 'draw_person_in_pictures': 'person_picture',
    'PicturesConfig': 'people_config', 'draw_people_in_pictures': 'people_pictures',
    'VideoConfig': 'video.config', 'annotate_video': 'video.annotate',
})
