from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from pretrained.__main__ import main
from pretrained.recipe import Recipe, read_recipe, steps
from pretrained.weights_file import load_model
from tests.child import ROOT, run_python
from training.options import parse_config

import pytest

TINY: dict[str, Any] = {
    'packed': {'people': {'dataset': 'synthetic', 'samples': 10, 'size': 32}},
    'common': {'stacks': 1, 'width': 8, 'depth': 1, 'batchsize': 5, 'optimizer': 'adamw', 'epoch': 1},
    'stages': [{'name': 'coarse', 'people': ['people'], 'options': {'input-size': 24}},
               {'name': 'fine', 'people': ['people', 'people'],
                'options': {'input-size': 32, 'decoding': 'quarter-offset'}}],
    'calibrate': 'people',
    'file': 'tiny.npz',
}


def _write(folder: Path, values: Any) -> Path:
    path = folder / 'recipe.json'
    path.write_text(json.dumps(values))
    return path


def _train(recipe: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return run_python('-m', 'pretrained', 'train', recipe, '--out', out)


def test_from_data_to_weights_and_nothing_twice(tmp_path: Path) -> None:
    recipe, out = _write(tmp_path, TINY), tmp_path / 'out'
    first = _train(recipe, out)
    assert first.returncode == 0, first.stderr
    assert 'mean over 14 joints' in first.stdout
    spec = load_model(out / 'tiny.npz').spec
    assert (spec.input_size, spec.decoding, spec.width) == ((32, 32), 'quarter-offset', 8)
    assert spec.confidence == load_model(out / 'calibrated.npz').spec.confidence != ()
    assert load_model(out / 'fine' / 'best.npz').spec.confidence == ()
    assert json.loads((out / 'fine' / 'run.json').read_text())['options']['init'] == str(out / 'coarse' / 'best.npz')
    content = (out / 'tiny.npz').read_bytes()

    second = _train(recipe, out)
    assert second.returncode == 0
    assert second.stdout.count(' exists') == 5
    assert second.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]

    # A training without its result is resumed.
    for name in ('fine/model.npz', 'tiny.npz'):
        (out / name).unlink()
    third = _train(recipe, out)
    assert third.returncode == 0, third.stderr
    assert 'resuming from' in third.stdout + third.stderr
    assert (out / 'tiny.npz').read_bytes() == content


def test_a_step_that_fails_ends_it(tmp_path: Path) -> None:
    stages = [{**TINY['stages'][0], 'options': {'input-size': 20}}]
    result = _train(_write(tmp_path, {**TINY, 'stages': stages}), tmp_path / 'out')
    assert result.returncode == 2
    assert '--input-size 20' in result.stderr.splitlines()[-1]
    assert not (tmp_path / 'out' / 'tiny.npz').exists()


@pytest.mark.parametrize(('change', 'reason'), [
    ({'stages': []}, 'stages must be a list'),
    ({'stages': [{'name': 'a', 'people': ['nobody']}]}, 'stages must be .* out of people'),
    ({'stages': [{'name': '../a', 'people': ['people']}]}, 'stages must be'),
    ({'stages': [TINY['stages'][0], TINY['stages'][0]]}, 'the same name'),
    ({'packed': {'people': {'dataset': 'lsp', 'root': '/'}}}, 'packed must hold'),
    ({'file': '../a.npz'}, 'file is a name'),
    ({'processes': 0}, 'processes is a number'),
    ({'stage': 1}, 'a recipe has'),
    ({'calibrate': ['people']}, 'calibrate a name in packed'),
])
def test_what_is_no_recipe(change: dict, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        read_recipe(_write(tmp_path, {**TINY, **change}))


def test_commands_of_a_recipe_for_several_processes(tmp_path: Path) -> None:
    recipe = Recipe(TINY['packed'], TINY['stages'], 'tiny.npz', TINY['common'], 2)
    found = steps(recipe, {'people': 'x'}, tmp_path)
    assert found[0].command[-2:] == ('--root', 'x')
    assert steps(recipe, {'synthetic': 'y'}, tmp_path)[0].command[-2:] == ('--root', 'y'), 'of all files of the set'
    assert steps(recipe, {'synthetic': 'y', 'people': 'x'}, tmp_path)[0].command[-2:] == ('--root', 'x')
    assert found[1].command[:3] == ('mpiexec', '-n', '2')
    assert '--distributed' in found[1].command
    # Scripts are only in a checkout, packages also where pip has installed them.
    assert all(step.command[step.command.index(sys.executable) + 1] == '-m' for step in found)
    with pytest.raises(InputError, match='--root other'):
        main(['train', str(_write(tmp_path, TINY)), '--root', 'other=x', '--root', 'people=y', '--out', str(tmp_path)])


def test_a_stage_without_validation_hands_on_its_last_weights(tmp_path: Path) -> None:
    stages = [{'name': 'a', 'people': ['people'], 'options': {'no_validation': True}},
              {'name': 'b', 'people': ['people']},
              {'name': 'c', 'people': ['people'], 'options': {'no_validation': False}}]
    found = steps(Recipe(TINY['packed'], stages, 'tiny.npz', {'no-validation': True}), {}, tmp_path)
    inits = {name: json.loads((tmp_path / f'{name}.json').read_text()).get('init') for name in 'abc'}
    assert inits == {'a': None, 'b': str(tmp_path / 'a' / 'model.npz'), 'c': str(tmp_path / 'b' / 'model.npz')}
    assert parse_config(['--config', str(tmp_path / 'c.json')]).validation
    assert str(tmp_path / 'c' / 'best.npz') in found[-2].command


#: A step that takes its time to end: longer than the quarter of a second that subprocess.run() waits.
STEP = '''
import os, signal, sys, time

def stop(number, frame):
    time.sleep(0.4)
    open(sys.argv[1], 'a').write(f'stopped by {number}')
    sys.exit(int(sys.argv[2]))

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
open(sys.argv[1], 'w').write('running ')
time.sleep(30)
'''


@pytest.mark.parametrize(('number', 'of_step', 'status'), [(signal.SIGTERM, 143, 143), (signal.SIGINT, 0, 130)])
def test_a_step_that_is_asked_to_stop_ends_in_its_own_way(
    tmp_path: Path, number: signal.Signals, of_step: int, status: int,
) -> None:
    report = tmp_path / 'report'
    code = 'import sys; from pretrained.recipe import _run; sys.exit(_run(sys.argv[1:]))'
    command = [sys.executable, '-S', '-c', STEP, str(report), str(of_step)]
    process = subprocess.Popen([sys.executable, '-c', code, *command], cwd=ROOT, start_new_session=True)
    while not report.exists() or not report.read_text():
        assert process.poll() is None
        time.sleep(0.01)
    # Ctrl-C goes to all processes of a terminal, other signals to one.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    assert process.wait(60) == status
    assert report.read_text() == f'running stopped by {number:d}'


@pytest.mark.parametrize('path', sorted((ROOT / 'pretrained' / 'recipes').glob('*.json')), ids=lambda path: path.stem)
def test_the_included_recipes_are_read(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path)
    for step in steps(recipe, {}, tmp_path):
        if '--config' in step.command:
            parse_config(['--config', step.command[step.command.index('--config') + 1]])
