"""Write weights as a file in ONNX, for ONNX Runtime, OpenCV, OpenVINO and others; it is compared with Chainer first."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from hourglass.errors import ArgumentParser, InputError, run
from hourglass.options import MODEL_HELP, SNAPSHOT_HELP


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(description=__doc__)
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument('--model', metavar='NAME|FILE', help=MODEL_HELP)
    weights.add_argument('--snapshot', metavar='FILE', help=SNAPSHOT_HELP)
    parser.add_argument('--out', required=True, metavar='FILE', help='the file to write; its name ends with .onnx')
    parser.add_argument('--all-stacks', action='store_true',
                        help='one output for the heatmaps of each stack (default: those of the last stack only)')
    options = parser.parse_args()
    if Path(options.out).suffix.lower() != '.onnx':
        raise InputError(f'--out {options.out}: the name must end with .onnx')
    return options


def main() -> None:
    options = parse_arguments()

    from hourglass.files import check_targets

    check_targets([options.out], [options.model, options.snapshot])

    from pretrained import registry
    from pretrained.export import export as write_onnx

    def write(name: str) -> float:
        return write_onnx(registry.load(name), Path(name).name, options.out, options.all_stacks)

    difference = registry.use_weights(options.snapshot or options.model, write)
    size = Path(options.out).stat().st_size / 1e6
    print(f'{options.out}: {size:.1f} MB, heatmaps differ from Chainer\'s by at most {difference:.1g}')


#: What ``export.py`` and ``hourglass-export`` call.
export = partial(run, main)
