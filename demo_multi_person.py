#!/usr/bin/env python3
"""Draw the poses of all people in pictures, or in a video.

A detector finds the people, then a stacked hourglass network finds the joints
of each. For a picture, writes input.jpg, output.jpg (with the poses) and
tiled.jpg (the crops that the network saw); for several pictures
NAME_input.jpg and so on. For a video, writes it again with the poses.
"""

from __future__ import annotations

import sys

from demos.people_options import parse_people_options
from demos.video.config import VideoConfig
from hourglass.errors import run


def main() -> None:
    config = parse_people_options(__doc__)
    if isinstance(config, VideoConfig):
        from demos.video.annotate import annotate_video

        sys.exit(annotate_video(config).status)
    from demos.people_pictures import draw_people_in_pictures

    draw_people_in_pictures(config)


if __name__ == '__main__':
    run(main)
