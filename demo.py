#!/usr/bin/env python3
"""Draw the pose of one person in a picture.

The person should be in the middle, and the picture about 1.25 times as high; or
say where the person is with --auto, --box or --center. Writes input.jpg and
output.jpg.
"""

from __future__ import annotations

from demos.person_picture import draw_person_in_picture, parse_person_options
from hourglass.errors import run


def main() -> None:
    draw_person_in_picture(parse_person_options(__doc__))


if __name__ == '__main__':
    run(main)
