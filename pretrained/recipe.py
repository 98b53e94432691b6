"""Recipes: files that describe a whole training, from the data to the weights file, for one command.

A recipe is JSON, or YAML::

    packed:                       # files of people, by name; options of "python -m data pack"
      lsp: {dataset: lsp, split: [half-fit, half-val], joints: mpii, size: 128}
    processes: 2                  # that share each batch (ChainerMN); default 1
    common: {width: 64}           # options of train.py for all stages
    stages:                       # trainings in order; each starts from the best weights of the one before, or from
                                  # its last ones where it has no validation
      - {name: coarse, people: [lsp], options: {input-size: 64, epoch: 9}}
      - {name: fine, people: [lsp, lsp], options: {input-size: 96, epoch: 13}}
    calibrate: lsp                # optional: fit the scores to its validation part (eval.py --calibrate)
    file: weights.npz             # the weights of the last stage, in half precision

Each step is a command that can be repeated by hand.  A step whose result exists is skipped, and an interrupted training
is resumed.  Ctrl-C, SIGTERM and SIGHUP are passed on to the running step, which then writes a snapshot and ends.
"""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import Any

from hourglass.config import canonical
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.interruption import handled
from hourglass.lock import only_run
from hourglass.textfile import read_values

_PACK_OPTIONS = {'dataset', 'split', 'joints', 'size', 'margin', 'samples'}


@dataclass(frozen=True)
class Step:
    """A command, and the file that exists when it has succeeded; ``None`` for one that is always run."""

    command: tuple[str, ...]
    result: Path | None


@dataclass(frozen=True)
class Recipe:
    """The content of a recipe file, as the module's docstring explains it."""

    packed: dict[str, dict[str, Any]]
    stages: list[dict[str, Any]]
    file: str
    common: dict[str, Any]
    processes: int = 1
    calibrate: str | None = None


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; ``InputError`` if the file is not one."""
    values = read_values(path, 'recipe')
    entries = {field.name for field in fields(Recipe)}
    if not isinstance(values, dict) or not {'packed', 'stages', 'file'} <= values.keys() <= entries:
        raise InputError(f'{path}: a recipe has "packed", "stages" and "file", and may have "common", "processes" and '
                         '"calibrate"')
    recipe = Recipe(**{**values, 'common': values.get('common') or {}})
    packed, stages = recipe.packed, recipe.stages
    if not (isinstance(packed, dict) and all(map(_is_name, packed)) and all(
            isinstance(entry, dict) and {'dataset'} <= entry.keys() <= _PACK_OPTIONS for entry in packed.values())):
        raise InputError(f'{path}: packed must hold options by the names of files: {", ".join(sorted(_PACK_OPTIONS))}')
    if not (isinstance(stages, list) and stages and all(_is_stage(stage, packed) for stage in stages)):
        raise InputError(f'{path}: stages must be a list, each with a "name", "people" out of {", ".join(packed)}, and '
                         'perhaps "options"')
    if len({stage['name'] for stage in stages}) < len(stages):
        # The second would use the folder of the first, and its result.
        raise InputError(f'{path}: several stages have the same name')
    if not (type(recipe.processes) is int and recipe.processes > 0 and isinstance(recipe.common, dict)
            and isinstance(recipe.file, str) and Path(recipe.file).name == recipe.file
            and recipe.calibrate in (None, *packed)):
        raise InputError(f'{path}: processes is a number from 1, common holds options by their names, file is a name '
                         'without a folder, and calibrate a name in packed')
    return recipe


def _is_stage(stage: Any, packed: dict[str, Any]) -> bool:
    return (isinstance(stage, dict) and {'name', 'people'} <= stage.keys() <= {'name', 'people', 'options'}
            and _is_name(stage['name']) and isinstance(stage.get('options') or {}, dict)
            and isinstance(stage['people'], list) and bool(stage['people'])
            and set(map(str, stage['people'])) <= packed.keys())


def _is_name(text: Any) -> bool:
    return isinstance(text, str) and text.replace('-', '').replace('_', '').isalnum()


def steps(recipe: Recipe, roots: dict[str, str], out: Path) -> list[Step]:
    """Return the commands of a recipe, and write the options of its stages to ``out``.

    Args:
        recipe: the recipe.
        roots: folders of the data sets, by the names in ``packed`` or of the sets.
        out: folder for all files.

    Raises:
        InputError: a folder is given for a name that the recipe does not have, or a file cannot be written.
    """
    known = dict.fromkeys([*recipe.packed, *(str(entry['dataset']) for entry in recipe.packed.values())])
    if unknown := set(roots) - set(known):
        raise InputError(f'--root {sorted(unknown)[0]}: the recipe has {", ".join(known)}')
    python = sys.executable
    found = []
    for name, entry in recipe.packed.items():
        command = [python, '-m', 'data', 'pack', '--out', str(out / f'{name}.h5')]
        for key, value in entry.items():
            command += [f'--{key}', *map(str, value if isinstance(value, list) else [value])]
        if root := roots.get(name, roots.get(str(entry['dataset']))):
            command += ['--root', root]
        found.append(Step(tuple(command), out / f'{name}.h5'))
    init: Path | None = None
    for stage in recipe.stages:
        folder = out / stage['name']
        # With one spelling for each option, so that a stage's comes before the one in common.
        options = dict(canonical(key, value)
                       for key, value in [*recipe.common.items(), *(stage.get('options') or {}).items()])
        options |= {'dataset': ['packed'] * len(stage['people']),
                    'root': [str(out / f'{name}.h5') for name in stage['people']], 'out': str(folder)}
        if init is not None:
            options['init'] = str(init)
        config = out / f'{stage["name"]}.json'
        with atomic_write(config) as partial:
            partial.write_text(json.dumps(options, indent=1) + '\n')
        command = ['mpiexec', '-n', str(recipe.processes)] if recipe.processes > 1 else []
        command += [python, '-m', 'training', '--config', str(config)]
        if recipe.processes > 1:
            command.append('--distributed')
        if any(folder.glob('snapshot_*')):
            command.append('--resume')
        found.append(Step(tuple(command), folder / 'model.npz'))
        # Without validation there are no best ones.
        init = folder / ('model.npz' if options.get('validation') is False else 'best.npz')
    if recipe.calibrate is not None:
        people, fitted = out / f'{recipe.calibrate}.h5', out / 'calibrated.npz'
        found.append(Step((python, '-m', 'eval', '--dataset', 'packed', '--root', str(people), '--model', str(init),
                           '--calibrate', str(fitted)), fitted))
        init = fitted
    weights = out / recipe.file
    found.append(Step((python, '-m', 'pretrained', 'convert', str(init), str(weights), '--half'), weights))
    first = out / f'{recipe.stages[-1]["people"][0]}.h5'
    found.append(Step((python, '-m', 'eval', '--dataset', 'packed', '--root', str(first), '--flip', '--model',
                       str(weights)), None))
    return found


def follow(path: Path, roots: Sequence[str], out: Path) -> None:
    """Run the steps of a recipe.

    Args:
        path: the recipe.
        roots: folders of the data sets, as ``NAME=DIR``.
        out: folder for all files.

    Raises:
        InputError: the recipe or a folder is wrong.
        SystemExit: a step failed, and has reported why.
    """
    recipe = read_recipe(path)
    if wrong := [text for text in roots if '=' not in text]:
        raise InputError(f'--root {wrong[0]} is not a name, "=" and a folder')
    out = out.resolve()
    folders = {name: str(Path(folder).resolve()) for name, _, folder in (text.partition('=') for text in roots)}
    with only_run(out):
        for step in steps(recipe, folders, out):
            if step.result is not None and step.result.exists():
                print(f'{step.result} exists')
                continue
            print(shlex.join(step.command), flush=True)
            if status := _run(step.command):
                sys.exit(status)


def _run(command: Sequence[str]) -> int:
    """Run a step, let it end by itself on a signal, and return its exit status.

    For a step that succeeds in spite of a signal, the signal's status (such as 130) is returned.
    """
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        came.append(number)
        # A terminal sends Ctrl-C to the child as well; other signals reach this process alone.
        if number != signal.SIGINT:
            child.send_signal(number)

    try:
        child = subprocess.Popen(command)
    except FileNotFoundError:
        raise InputError(f'{command[0]}: no such command; extra "distributed" installs it') from None
    # A handler and not SIG_IGN, which the child would inherit.
    with handled(stop):
        status = child.wait()
    # Popen has a negative number for a signal, a shell 128 more than its number.
    return (128 - status if status < 0 else status) or (128 + came[0] if came else 0)
