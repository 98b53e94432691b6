"""Command line: ``python -m pretrained list | fetch | inspect | convert | train | where``.

Weights are a name or a file of any kind (pretrained/formats.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hourglass import download, errors
from hourglass.errors import ArgumentParser, InputError
from hourglass.files import check_targets, sha256_of
from hourglass.parameters import count_parameters, is_trained
from hourglass.spec import DECODINGS
from hourglass.wording import counted, table_lines
from pretrained import registry
from pretrained.entries import BUNDLED_FOLDER
from pretrained.formats import recognise
from pretrained.recipe import follow
from pretrained.weights_file import Model, save_model

import numpy as np


def _list(_: argparse.Namespace) -> None:
    entries = registry.REGISTRY.values()
    rows = []
    for entry in entries:
        spec = entry.spec
        rows.append((
            entry.name, f'{spec.out_channels} ({spec.joints})', f'{spec.input_size[1]}x{spec.input_size[0]}',
            f'{count_parameters(spec) / 1e6:.2f} M' if entry.has_known_sizes else 'as the file',
            f'{entry.path.stat().st_size / 1e6:.1f} MB' if entry.is_there else 'not downloaded',
            ', '.join(source.title for source in entry.sources) or 'included',
        ))
    print('\n'.join(table_lines(('NAME', 'JOINTS', 'INPUT', 'PARAMETERS', 'ON DISK', 'SOURCE'), rows)))
    for entry in entries:
        print(f'\n{entry.name}: {entry.description}')
        for score in entry.scores:
            print(f'  {score}')


def _fetch(args: argparse.Namespace) -> None:
    print(registry.fetch(args.name))


def _inspect(args: argparse.Namespace) -> None:
    path, entry = registry.resolve(args.name), registry.REGISTRY.get(args.name)
    model = registry.load(args.name, args.part)
    spec = model.spec
    arrays = [array for key, array in model.arrays.items() if is_trained(key)]
    facts = {
        'file': path, 'kind': recognise(path).title,
        'sha256': sha256_of(path) if entry is None else download.check_digest(entry.file, path, entry.sha256),
        'network': f'{spec.network}, {counted(spec.n_stack, "stack")}, width {spec.width}, depth {spec.layer_num}',
        'joints': f'{spec.out_channels} ({spec.joints}): {", ".join(spec.joint_set.joints)}',
        'parameters': f'{count_parameters(spec):,}', 'spec': spec.to_json(),
        'values': f'{len(arrays)} trained arrays, all finite, from {min(a.min() for a in arrays):.3g} '
                  f'to {max(a.max() for a in arrays):.3g}',
    }
    for name, value in facts.items():
        print(f'{name:<10}  {value}')
    print(f'heatmaps    {_try(model)}')


def _try(model: Model) -> str:
    """Run a network on a grey image of the smallest possible size, and return a description of the heatmaps."""
    side = 4 * 2 ** model.spec.layer_num
    grey = np.full((1, 3, side, side), 0.5, np.float32)
    import chainer

    with chainer.using_config('train', False), chainer.no_backprop_mode(), np.errstate(all='ignore'):
        heatmaps = model.network(grey)[-1].array
    if not np.isfinite(heatmaps).all():
        raise InputError(f'{model.source}: its arrays are finite, but heatmaps of a grey image are not: not '
                         'the weights of a trained network')
    return f'for a grey image of {side}x{side} from {heatmaps.min():.3g} to {heatmaps.max():.3g}'


def _convert(args: argparse.Namespace) -> None:
    out = Path(args.out)
    if out.suffix != '.npz':
        raise InputError(f'{out}: the name of the result must end with .npz')
    check_targets([out], [registry.resolve(args.name)])
    model = registry.load(args.name, args.part)
    spec = model.spec.with_decoding(args.decoding, args.name)
    save_model(out, model.network, spec, np.float16 if args.half else np.float32)
    print(f'{out}: {out.stat().st_size / 1e6:.1f} MB from {model.source}')


def _train(args: argparse.Namespace) -> None:
    follow(Path(args.recipe), args.root, Path(args.out))


def _where(_: argparse.Namespace) -> None:
    print(f'downloads  {download.cache_folder()}')
    print(f'bundled    {BUNDLED_FOLDER}')


def _add_part(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--part', metavar='NAME', help='which network to take from a file that has several (averaged '
                                                       'weights, teacher and student); without it, such a file is '
                                                       'refused with the list of names')


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; ``InputError`` for a user's mistakes."""
    parser = ArgumentParser(description='Weights: list, download, describe, convert and train them.')
    commands = parser.add_subparsers(required=True, dest='command')
    commands.add_parser('list', help='list the weights that have a name').set_defaults(run=_list)
    fetch = commands.add_parser('fetch', help='download weights into the cache folder', description=(
        'Download weights into the cache folder ("python -m pretrained where"), unless they are there, and print the '
        'path of the file.'))
    fetch.add_argument('name', metavar='NAME', help=f'one of: {", ".join(registry.REGISTRY)}')
    fetch.set_defaults(run=_fetch)
    inspect = commands.add_parser('inspect', aliases=['verify'], help='describe and test a weights file', description=(
        'Describe a weights file of any kind, compare its checksum if it has a name, and run the network once.'))
    inspect.add_argument('name', metavar='NAME|FILE', help='weights by name ("python -m pretrained list") or as a file')
    _add_part(inspect)
    inspect.set_defaults(run=_inspect)
    convert = commands.add_parser('convert', help='write weights of any kind as a weights file of this project',
                                  description='Write weights of any kind as a weights file of this project.')
    convert.add_argument('name', metavar='IN', help='weights by name ("python -m pretrained list") or as a file')
    convert.add_argument('out', metavar='OUT.npz', help='the file to write')
    convert.add_argument('--half', action='store_true', help='store the weights of convolutions in half precision: '
                                                                   'half the size')
    convert.add_argument('--decoding', choices=DECODINGS,
                         help='how scripts find a joint in a heatmap of these weights; train.py --help explains the '
                              'names (default: as before)')
    _add_part(convert)
    convert.set_defaults(run=_convert)
    train = commands.add_parser('train', help='train weights by a recipe, from the data to the file',
                                description='Pack the data, train in stages, store and score the weights. A step '
                                            'whose result exists is skipped.')
    train.add_argument('recipe', metavar='RECIPE', help='a file, such as pretrained/recipes/bundled.json')
    train.add_argument('--root', nargs='+', action='extend', default=[], metavar='NAME=DIR',
                       help='folder of each data set that the recipe names, or the file of a set that is a file '
                            '(default: below data/)')
    train.add_argument('--out', required=True, metavar='DIR', help='folder for all results')
    train.set_defaults(run=_train)
    commands.add_parser('where', help='print the folders of the weights').set_defaults(run=_where)
    args = parser.parse_args(argv)
    args.run(args)


if __name__ == '__main__':
    errors.run(main)
