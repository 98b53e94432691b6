"""What ``demo_webcam.py`` does: the window, or the page."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from demos.webcam.config import GROUPS, WebcamConfig
from hourglass.config import add_options
from hourglass.errors import ArgumentParser, InputError

if TYPE_CHECKING:
    from demos.webcam.finder import PoseFinder

#: Largest number of people in a frame; more would make every frame late.
MAX_PEOPLE = 20


def parse_webcam_options(description: str, arguments: Sequence[str] | None = None) -> WebcamConfig:
    """Read a command line, by default that of the process; ``InputError`` if something in it is wrong."""
    parser = ArgumentParser(usage='%(prog)s [options]', description=description)
    add_options(parser, WebcamConfig, GROUPS, negatable=False)
    return WebcamConfig(**vars(parser.parse_args(arguments)))


def _load_finder(config: WebcamConfig) -> PoseFinder:
    from demos.webcam.finder import PoseFinder
    from hourglass.detection import load_detector
    from hourglass.people import PeoplePredictor

    predictor = config.load_predictor()
    detector = load_detector(config.detector, config.gpu, config.detector_class)
    return PoseFinder(PeoplePredictor(predictor, detector, max_people=MAX_PEOPLE, keep_heatmaps=True))


def show_window(config: WebcamConfig) -> None:
    """Show a camera in a window of OpenCV until it is closed; ``InputError`` if that is impossible."""
    from demos.video.camera import open_video
    from demos.webcam.window import LiveView, Window, check_window

    check_window()
    with open_video(config.camera or '0') as frames:
        view = LiveView(_load_finder(config), config.threshold)
        with Window() as window:
            view.run(frames, window)
        if complaint := frames.complaint():
            raise InputError(complaint)


def serve_page(config: WebcamConfig) -> None:
    """Serve the page until Ctrl-C or SIGTERM; ``InputError`` if that is impossible."""
    from demos.webcam.guard import is_loopback
    from demos.webcam.runner import serve, take_port, url_of

    sock = take_port(config.host, 8000 if config.port is None else config.port)
    from demos.webcam.server import PoseServer

    server = PoseServer(_load_finder(config), config.host, math.ceil(config.max_mb * 1e6), config.threshold)
    if not is_loopback(config.host):
        print('any computer that reaches this address can use the page; there, browsers allow photos but no camera',
              file=sys.stderr)
    asyncio.run(serve(server.app(), sock, lambda: print(f'{url_of(sock, config.host)}   (Ctrl-C ends)', flush=True)))
    print('ended', file=sys.stderr)
