from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.training.options import parse_options
from pretrained.recipe import ROOT, Recipe, read_recipe, steps
from pretrained.weights_file import load_model

import pytest

TINY: dict[str, Any] = {
    'packed': {'people': {'dataset': 'synthetic', 'samples': 10, 'size': 32}},
    'common': {'stacks': 1, 'width': 8, 'depth': 1, 'batchsize': 5, 'optimizer': 'adamw', 'epoch': 1},
    'stages': [{'name': 'coarse', 'people': ['people'], 'options': {'input-size': 24}},
               {'name': 'fine', 'people': ['people', 'people'], 'options': {'input-size': 32, 'refine': 'quarter'}}],
    'file': 'tiny.npz',
}


def _write(folder: Path, values: Any) -> Path:
    path = folder / 'recipe.json'
    path.write_text(json.dumps(values))
    return path


def _train(recipe: Path, out: Path, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, '-m', 'pretrained', 'train', str(recipe), '--out', str(out), *more],
                          cwd=ROOT, capture_output=True, text=True, check=False)


def test_from_data_to_weights_and_nothing_twice(tmp_path: Path) -> None:
    recipe, out = _write(tmp_path, TINY), tmp_path / 'out'
    first = _train(recipe, out)
    assert first.returncode == 0, first.stderr
    assert 'mean over 14 joints' in first.stdout
    spec = load_model(out / 'tiny.npz').spec
    assert (spec.input_size, spec.refine, spec.width) == ((32, 32), 'quarter', 8)
    assert json.loads((out / 'fine' / 'run.json').read_text())['options']['init'] == str(out / 'coarse' / 'best.npz')
    content = (out / 'tiny.npz').read_bytes()

    second = _train(recipe, out)
    assert second.returncode == 0
    assert second.stdout.count('is there') == 4
    assert second.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]

    # A training without its result goes on.
    for name in ('fine/model.npz', 'tiny.npz'):
        (out / name).unlink()
    third = _train(recipe, out)
    assert third.returncode == 0, third.stderr
    assert 'going on from' in third.stdout + third.stderr
    assert (out / 'tiny.npz').read_bytes() == content


def test_a_step_that_fails_ends_it(tmp_path: Path) -> None:
    stages = [{**TINY['stages'][0], 'options': {'input-size': 20}}]
    result = _train(_write(tmp_path, {**TINY, 'stages': stages}), tmp_path / 'out')
    assert result.returncode == 2
    assert '--input-size 20' in result.stderr.splitlines()[-1]
    assert not (tmp_path / 'out' / 'tiny.npz').exists()


@pytest.mark.parametrize(('change', 'reason'), [
    ({'stages': []}, 'stages must be a list'),
    ({'stages': [{'name': 'a', 'people': ['nobody']}]}, 'stage a: people must be some of people'),
    ({'stages': [{'name': '../a', 'people': ['people']}]}, 'a stage has'),
    ({'stages': [{'name': 'a', 'people': ['people'], 'option': {}}]}, 'a stage has'),
    ({'packed': {'people': {'size': 32}}}, 'packed must hold'),
    ({'packed': {'people': {'dataset': 'lsp', 'root': '/'}}}, 'packed must hold'),
    ({'file': '../a.npz'}, 'file must be'),
    ({'processes': 0}, 'processes must be'),
    ({'common': [1]}, 'common must hold'),
    ({'stage': 1}, 'unknown: stage'),
])
def test_what_is_no_recipe(change: dict, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        read_recipe(_write(tmp_path, {**TINY, **change}))


def test_commands_of_a_recipe_for_several_processes(tmp_path: Path) -> None:
    recipe = Recipe(TINY['packed'], tuple(TINY['stages']), 'tiny.npz', TINY['common'], 2)
    found = steps(recipe, {'people': 'x'}, tmp_path)
    assert found[0].command[-2:] == ('--root', 'x')
    assert steps(recipe, {'synthetic': 'y'}, tmp_path)[0].command[-2:] == ('--root', 'y'), 'of all files of the set'
    assert steps(recipe, {'synthetic': 'y', 'people': 'x'}, tmp_path)[0].command[-2:] == ('--root', 'x')
    assert found[1].command[:3] == ('mpiexec', '-n', '2')
    assert '--distributed' in found[1].command
    with pytest.raises(InputError, match='--root other'):
        steps(recipe, {'other': 'x'}, tmp_path)


@pytest.mark.parametrize('path', sorted((ROOT / 'pretrained' / 'recipes').glob('*.json')), ids=lambda path: path.stem)
def test_recipes_that_come_along_are_understood(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path)
    for step in steps(recipe, {}, tmp_path):
        if '--config' in step.command:
            parse_options(['--config', step.command[step.command.index('--config') + 1]])
