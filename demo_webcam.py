#!/usr/bin/env python3
"""Draw poses over the live picture of a camera, on a page for the browser that this computer serves to itself.

Open the address that it prints, and start the camera or drop a photo.  Pictures go to this program and nowhere else.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from hourglass.detection import parse_detector
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.options import add_predictor_options, check_drawing_options, check_predictor_options

if TYPE_CHECKING:
    from demos.webcam.finder import PoseFinder


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(description=__doc__)
    page = parser.add_argument_group('the page')
    page.add_argument('--host', default='127.0.0.1',
                      help='address to listen on (default: 127.0.0.1, this computer only; anybody who reaches another '
                           'one can use the page, and browsers give it no camera there)')
    page.add_argument('--port', type=int, metavar='N', help='default: 8000; 0 takes a free one')
    page.add_argument('--max-mb', type=float, default=20, metavar='MB', help='largest photo (default: 20)')
    window = parser.add_argument_group('without a browser')
    window.add_argument('--opencv-window', action='store_true', help='show a camera of this computer in a window')
    window.add_argument('--camera', metavar='N|FILE', help='number of the camera (default: 0), or a video')
    add_predictor_options(parser)
    parser.add_argument('--detector', metavar='NAME[:FILE]',
                        help='offer the poses of everybody, found by this detector: hog needs no weights, '
                             'demo_multi_person.py --help names the others')
    parser.add_argument('--threshold', type=float, default=0.2, metavar='SCORE',
                        help='leave out limbs with a joint that scores less (default: 0.2; 0 draws all, also where '
                             'nobody is)')
    options = parser.parse_args()
    check_predictor_options(options)
    check_drawing_options(options)
    for is_wrong, reason in (
        (options.camera is not None and not options.opencv_window,
         '--camera goes with --opencv-window; the page asks the browser for a camera'),
        (options.port is not None and options.opencv_window, '--port is for the page, --opencv-window does without'),
        (options.port is not None and not 0 <= options.port <= 65535, '--port must be from 0 to 65535'),
        (not 0 < options.max_mb <= 1000, '--max-mb must be above 0 and at most 1000'),
        (options.detector is not None and parse_detector(options.detector)[0] == 'boxes',
         '--detector boxes: a file does not know what a camera will see'),
    ):
        if is_wrong:
            raise InputError(reason)
    return options


def load_finder(options: argparse.Namespace) -> PoseFinder:
    from demos.webcam.finder import PoseFinder

    return PoseFinder.load(options.snapshot or options.model, options.detector, options.gpu, flip=options.flip,
                           engine=options.engine, precision=options.precision)


def show_window(options: argparse.Namespace) -> None:
    from demos.video.camera import open_video
    from demos.webcam.window import LiveView, Window, check_window

    check_window()
    with open_video(options.camera or '0') as frames:
        view = LiveView(load_finder(options), options.threshold)
        with Window() as window:
            view.run(frames, window)
        if complaint := frames.complaint():
            raise InputError(complaint)


def serve_page(options: argparse.Namespace) -> None:
    try:
        from demos.webcam.guard import is_loopback
        from demos.webcam.serve import serve, take_port, url_of
    except ModuleNotFoundError as error:
        raise InputError(f'the page needs {error.name}: pip install ".[webcam]"') from None

    sock = take_port(options.host, 8000 if options.port is None else options.port)
    from demos.webcam.server import PoseServer

    server = PoseServer(load_finder(options), options.host, int(options.max_mb * 1e6), options.threshold)
    if not is_loopback(options.host):
        print('everybody who reaches this address can use the page; browsers give it no camera there, photos work',
              file=sys.stderr)
    serve(server.app(), sock, lambda: print(f'{url_of(sock, options.host)}   (Ctrl-C ends)', flush=True))
    print('ended', file=sys.stderr)


def main() -> None:
    options = parse_arguments()
    if options.opencv_window:
        show_window(options)
    else:
        serve_page(options)


if __name__ == '__main__':
    run(main)
