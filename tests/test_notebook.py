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


def _count_pictures(notebook: Any) -> int:
    outputs = [output for cell in notebook.cells if cell.cell_type == 'code' for output in cell.outputs]
    return sum(kind.startswith('image/') for output in outputs for kind in output.get('data', {}))


@pytest.mark.parametrize('path', PATHS, ids=lambda path: path.stem)
def test_the_file_is_explained_and_has_its_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == 'markdown'
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == 'code'][-1]
    assert _count_pictures(notebook) == PICTURES[path.stem]
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
        assert _count_pictures(client.execute()) == PICTURES[path.stem]
