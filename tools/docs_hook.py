"""Pages of the documentation that are made from the program: all options, and the API from the docstrings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    ('demo.py',), ('demo_multi_person.py',), ('demo_webcam.py',), ('train.py',), ('eval.py',), ('export.py',),
    *(('-m', 'data', name) for name in ('check', 'fetch', 'pack', 'joints')),
    *(('-m', 'pretrained', name) for name in ('list', 'fetch', 'inspect', 'convert', 'train')),
)
#: Modules of the API's pages, by package.
API = {
    'hourglass': ('predictor', 'people', 'spec', 'joints', 'crop', 'codec', 'locate', 'detection', 'network',
                  'preactivation', 'draw', 'image', 'oks'),
    'data': ('person', 'sets', 'transform', 'augment', 'packed', 'custom', 'mpii', 'coco', 'lsp'),
    'pretrained': ('registry', 'weights_file', 'formats', 'export', 'recipe'),
    'eval': ('config', 'evaluation', 'result', 'comparison', 'pck', 'coco', 'pckh', 'score', 'coco_score'),
    'training': ('config', 'trainer', 'loss', 'snapshot', 'distributed'),
    'demos': ('person_picture', 'person_location', 'people_config', 'people_pictures', 'video'),
}


def _help(command: tuple[str, ...]) -> str:
    done = subprocess.run([sys.executable, *command, '--help'], cwd=ROOT, env={**os.environ, 'COLUMNS': '90'},
                          check=True, capture_output=True, text=True)
    return f'## `python {" ".join(command)}`\n\n```text\n{done.stdout}```\n'


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those of the folder."""
    text = '# All options\n\nWhat `--help` prints.\n\n' + '\n'.join(map(_help, COMMANDS))
    files.append(File.generated(config, 'options.md', content=text))
    for package, modules in API.items():
        content = f'# {package}\n\n' + '\n'.join(f'::: {package}.{name}\n' for name in modules)
        files.append(File.generated(config, f'api/{package}.md', content=content))
    return files
