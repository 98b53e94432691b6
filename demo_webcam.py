#!/usr/bin/env python3
"""Draw poses over the live picture of a camera, on a page for the browser.

Open the address that the program prints, and start the camera or drop a photo.
Pictures go to this program and nowhere else.
"""

from __future__ import annotations

from demos.webcam.start import parse_webcam_options, serve_page, show_window
from hourglass.errors import run


def main() -> None:
    config = parse_webcam_options(__doc__)
    if config.opencv_window:
        show_window(config)
    else:
        serve_page(config)


if __name__ == '__main__':
    run(main)
