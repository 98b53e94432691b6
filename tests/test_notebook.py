"""The notebooks: valid, explained, with outputs, and they run from the first cell to the last without a download."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / 'notebooks'
PATHS = sorted(FOLDER.glob('*.ipynb'))
#: How many pictures each shows.
PICTURES = {'1_first_steps': 3, '2_data': 2, '3_training': 2, '4_evaluation': 3, '5_video': 1}


def _outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == 'code' for output in cell.outputs]


def _check_outputs(notebook: Any, name: str) -> None:
    """Check that all pictures are there, and what is printed."""
    outputs = _outputs(notebook)
    pictures = [kind for output in outputs for kind in output.get('data', {}) if kind.startswith('image/')]
    assert len(pictures) == PICTURES[name]
    text = '\n'.join(output.get('text', '') + output.get('data', {}).get('text/plain', '') for output in outputs)
    if name == '1_first_steps':
        joints = re.findall(r'^[a-z ]+ y +([\d.]+) +x +([\d.]+) +score ([\d.]+)$', text, re.MULTILINE)
        assert len(joints) == 21
        assert all(float(y) < 480 and float(x) < 480 and float(score) <= 1 for y, x, score in joints)
    elif name == '2_data':
        assert 'people.csv is complete' in text
        assert re.search(r'people train \(packed\) 16 [\d.]+ MB', text)
    elif name == '3_training':
        losses = [float(loss) for loss in re.findall(r'loss (\d+\.\d+), PCK', text)]
        assert len(losses) == 3
        assert losses[-1] < losses[0]
        assert 'second/calibrated.npz: scores are ' in text
    elif name == '4_evaluation':
        assert 'PCK@0.2, synthetic val, 12 people' in text
        assert 'comparison of PCK@0.2' in text
    else:
        assert re.search('16 frames, [2-4] people', text)


@pytest.mark.parametrize('path', PATHS, ids=lambda path: path.stem)
def test_the_file_is_explained_and_has_its_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == 'markdown'
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == 'code'][-1]
    _check_outputs(notebook, path.stem)
    content = path.read_text()
    assert len(content) < 1_000_000
    assert not re.search('/(home|root|work|tmp|Users)/', re.sub(r'"image/\w+": "[^"]*"', '', content))


@pytest.mark.slow
@pytest.mark.parametrize('path', PATHS, ids=lambda path: path.stem)
def test_every_cell_runs(path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.update({'outputs': []} if cell.cell_type == 'code' else {})
    with pytest.MonkeyPatch.context() as patch:
        for name in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS'):
            patch.setenv(name, '1')
        for name in ('IPYTHONDIR', 'JUPYTER_RUNTIME_DIR', 'JUPYTER_CONFIG_DIR', 'TMPDIR', 'HOURGLASS_CACHE'):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        client = NotebookClient(notebook, timeout=600, kernel_name='python3',
                                resources={'metadata': {'path': str(FOLDER)}})
        # A cell that fails raises CellExecutionError here.
        _check_outputs(client.execute(), path.stem)
