"""The commands ``hourglass-demo``, ``hourglass-people`` and ``hourglass-webcam``, which the scripts run, too."""

from __future__ import annotations

import sys
from functools import partial

from hourglass.errors import run

PERSON = """Draw the pose of one person in each picture.

The person should be in the middle, and the picture about 1.25 times as high as
the person. For other pictures, use --auto, --box or --center. Writes input.jpg
and output.jpg; for several pictures NAME_input.jpg and so on.
"""

PEOPLE = """Draw the poses of all people in pictures, or in a video.

A detector finds the people, then a stacked hourglass network finds the joints
of each. For a picture, writes input.jpg, output.jpg (with the poses) and
tiled.jpg (the crops that the network saw); for several pictures
NAME_input.jpg and so on. For a video, writes it again with the poses.
"""

WEBCAM = """Draw poses over the live picture of a camera, on a page for the browser.

Open the address that the program prints. There, start the camera or drop a
photo. Pictures go to this program and nowhere else. Ctrl-C ends it.
"""


def _person() -> None:
    from demos.person_picture import draw_person_in_pictures, parse_person_options

    draw_person_in_pictures(parse_person_options(PERSON))


def _people() -> None:
    from demos.people_options import parse_people_options
    from demos.video.config import VideoConfig

    config = parse_people_options(PEOPLE)
    if isinstance(config, VideoConfig):
        from demos.video.annotate import annotate_video

        sys.exit(annotate_video(config).status)
    from demos.people_pictures import draw_people_in_pictures

    draw_people_in_pictures(config)


def _webcam() -> None:
    from demos.webcam.start import parse_webcam_options, serve_page, show_window

    config = parse_webcam_options(WEBCAM)
    if config.opencv_window:
        show_window(config)
    else:
        serve_page(config)


person, people, webcam = (partial(run, main) for main in (_person, _people, _webcam))
