"""The pages of the documentation: examples run, links lead somewhere, options exist."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import sys
from functools import cache
from pathlib import Path

from tests.child import ROOT, run_python
from tests.demos.video.clips import picture, write_clip

import pytest

PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding='utf-8')
         for path in [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]}
#: Pages that tools/docs_hook.py makes.
_GENERATED = re.compile(r'(docs/)?(options|api/\w+)\.md')


def _examples(text: str) -> str:
    """Return the Python blocks of a page, without those below ``<!-- notest -->``, as one program."""
    return '\n'.join(re.findall(r'(?<!<!-- notest -->\n)^```python\n(.*?)^```', text, re.MULTILINE | re.DOTALL))


@cache
def _anchors(path: Path) -> set[str]:
    headings = re.findall(r'^#+ (.+)$', path.read_text(encoding='utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading).strip().lower().replace(' ', '-') for heading in headings}


def _commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a page: script (``train.py``) or module with subcommand (``data pack``), and the rest."""
    return re.findall(r'python (?:-m )?(\w+\.py|(?:data|pretrained|benchmarks) \w+)\b([^`#\n]*)',
                      text.replace('\\\n', ' '))


@pytest.mark.parametrize('page', [name for name, text in PAGES.items() if _examples(text)])
def test_the_examples_run(page: str, tmp_path: Path) -> None:
    (tmp_path / 'holiday').mkdir()
    for name in ('input.jpg', 'photo.jpg', 'holiday/a.jpg'):
        shutil.copy(ROOT / 'docs/input.jpg', tmp_path / name)
    write_clip(tmp_path / 'walk.mp4', [picture()] * 3)
    done = run_python('-c', _examples(PAGES[page]), cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('page', PAGES)
def test_blocks_of_code_are_such_for_mkdocs(page: str) -> None:
    # A second word after the language, and the block is text: its brackets are then links that lead nowhere.
    fences = re.findall(r'^```(.*)$', PAGES[page], re.MULTILINE)
    assert all(re.fullmatch(r'\w*', language) for language in fences)
    assert len(fences) % 2 == 0


@pytest.mark.parametrize('page', PAGES)
def test_links_and_pictures_lead_somewhere(page: str) -> None:
    for target, anchor in re.findall(r'\]\(([^)#\s]*)(?:#([^)\s]+))?\)', PAGES[page]):
        if target.startswith(('http:', 'https:', 'mailto:')):
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        if _GENERATED.fullmatch(os.path.relpath(path, ROOT)):
            continue
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path), f'{target}#{anchor}'


def _help(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    name, *subcommand = command.split()
    path = ROOT / (name if name.endswith('.py') else f'{name}/__main__.py')
    monkeypatch.setattr(sys, 'argv', [str(path), *subcommand, '--help'])
    with pytest.raises(SystemExit):
        runpy.run_path(str(path), run_name='__main__')
    return capsys.readouterr().out


@pytest.mark.parametrize('command', sorted({command for text in PAGES.values() for command, _ in _commands(text)}))
def test_options_in_commands_exist(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    known = set(re.findall(r'--[a-z0-9][\w-]*', _help(command, monkeypatch, capsys)))
    used = {option for text in PAGES.values() for shown, rest in _commands(text) if shown == command
            for option in re.findall(r'(?<!\S)--[a-z0-9][\w-]*', rest)}
    assert used <= known, used - known


#: Options that people and scripts type; they keep their names.
LASTING = {
    'demo.py': 'image out json model snapshot flip heatmaps gpu auto box center scale fit engine precision threshold '
               'line-width style legend',
    'demo_multi_person.py': 'image video out json detector model flip gpu batchsize score-threshold max-people',
    'demo_webcam.py': 'host port max-mb opencv-window camera model snapshot detector flip threshold gpu',
    'eval.py': 'dataset root split protocol model snapshot flip gpu batchsize json csv plot compare predictions '
               'annotations images detections save-predictions',
    'train.py': 'dataset root gpu out batchsize epoch lr seed loss init resume config distributed',
    'export.py': 'model out',
}


@pytest.mark.parametrize('script', LASTING)
def test_the_help_explains_every_option_in_80_columns(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv('COLUMNS', '80')
    shown = _help(script, monkeypatch, capsys)
    assert max(map(len, shown.splitlines())) <= 80
    assert {f'--{name}' for name in LASTING[script].split()} <= set(re.findall(r'--[a-z0-9][\w-]*', shown))
