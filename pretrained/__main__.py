"""Command line: ``python -m pretrained list | fetch NAME | verify NAME_OR_FILE | where``."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hourglass import errors
from hourglass.errors import InputError
from pretrained import download, registry
from pretrained.registry import Entry
from pretrained.weights_file import count_parameters, load_model


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _megabytes(entry: Entry) -> str:
    return f'{entry.path.stat().st_size / 1e6:.1f} MB' if entry.is_there else 'not downloaded'


def _list(_: argparse.Namespace) -> None:
    entries = registry.REGISTRY.values()
    rows = [('NAME', 'JOINTS', 'INPUT', 'PARAMETERS', 'ON DISK', 'SOURCE')]
    for entry in entries:
        spec = entry.spec
        rows.append((
            entry.name, f'{spec.out_channels} ({spec.joints})', f'{spec.input_size[1]}x{spec.input_size[0]}',
            f'{count_parameters(spec) / 1e6:.2f} M', _megabytes(entry),
            ', '.join(source.title for source in entry.sources) or 'comes with the project',
        ))
    _print_table(rows)
    for entry in entries:
        print(f'\n{entry.name}: {entry.description}')
        for score in entry.scores:
            print(f'  {score}')


def _fetch(args: argparse.Namespace) -> None:
    print(registry.fetch(args.name))


def _verify(args: argparse.Namespace) -> None:
    entry = registry.REGISTRY.get(args.name)
    if entry is not None and not entry.is_there:
        raise InputError(f'{entry.path}: not downloaded yet; python -m pretrained fetch {entry.name} does it')
    path = Path(args.name) if entry is None else entry.path
    model = load_model(path) if entry is None else registry.read(entry, path)
    with path.open('rb') as file:
        checksum = hashlib.sha256()
        while block := file.read(1 << 20):
            checksum.update(block)
    digest = checksum.hexdigest()
    if entry is not None and entry.sha256 not in (None, digest):
        raise InputError(f'{path}: its SHA-256 is {digest}, not {entry.sha256}')
    spec = model.spec
    print(f'file        {path}')
    print(f'sha256      {digest}')
    print(f'network     {spec.network}, {spec.n_stack} stacks, width {spec.width}, depth {spec.layer_num}')
    print(f'joints      {spec.out_channels} ({spec.joints})')
    print(f'parameters  {model.network.count_params():,}')
    print(f'spec        {spec.to_json()}')


def _where(_: argparse.Namespace) -> None:
    print(f'downloads  {download.cache_folder()}')
    print(f'bundled    {registry.BUNDLED_FOLDER}')


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; ``InputError`` for whatever a user got wrong."""
    parser = _Parser(prog='python -m pretrained', description='Weights: which there are, and getting them.')
    commands = parser.add_subparsers(required=True, dest='command')
    commands.add_parser('list', help='weights that have a name').set_defaults(run=_list)
    fetch = commands.add_parser('fetch', help='download weights into the cache folder')
    fetch.add_argument('name', help=f'one of: {", ".join(registry.REGISTRY)}')
    fetch.set_defaults(run=_fetch)
    verify = commands.add_parser('verify', help='load a weights file and say what it is')
    verify.add_argument('name', help='a name or a file')
    verify.set_defaults(run=_verify)
    commands.add_parser('where', help='print the folders of the weights').set_defaults(run=_where)
    args = parser.parse_args(argv)
    args.run(args)


if __name__ == '__main__':
    errors.run(main)
