"""The notebook runs from its first cell to its last, without a download."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).resolve().parents[1] / 'notebooks' / 'tour.ipynb'


@pytest.fixture(scope='module')
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after a run on one core, with everything that it writes in folders of the test."""
    notebook = nbformat.read(PATH, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        for name in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS'):
            patch.setenv(name, '1')
        for name in ('IPYTHONDIR', 'JUPYTER_RUNTIME_DIR', 'JUPYTER_CONFIG_DIR', 'TMPDIR', 'HOURGLASS_CACHE'):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        client = NotebookClient(notebook, timeout=600, kernel_name='python3',
                                resources={'metadata': {'path': str(PATH.parent)}})
        # A cell that fails raises CellExecutionError here.
        return client.execute()


def _text(notebook: Any, needle: str) -> str:
    """Return what is printed by the cell whose source has a word in it."""
    cell, = [cell for cell in notebook.cells if cell.cell_type == 'code' and needle in cell.source]
    return ''.join(output.text for output in cell.outputs if output.output_type == 'stream' and output.name == 'stdout')


def test_the_file_is_valid_and_without_outputs() -> None:
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == 'code']
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert notebook.cells[0].cell_type == 'markdown'
    assert PATH.stat().st_size < 20_000


def test_every_cell_of_code_is_explained() -> None:
    notebook = nbformat.read(PATH, as_version=4)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert all(kinds[i - 1] == 'markdown' for i, kind in enumerate(kinds) if kind == 'code')


def test_the_pictures_are_shown(executed: Any) -> None:
    shown = [output for cell in executed.cells if cell.cell_type == 'code' for output in cell.outputs
             if output.output_type == 'display_data' and 'image/png' in output.data]
    assert len(shown) == 3


def test_the_pose_has_every_joint_in_the_picture(executed: Any) -> None:
    lines = _text(executed, 'pose.scores').splitlines()
    numbers = [[float(x) for x in re.findall(r'\d+\.\d+', line)] for line in lines]
    assert len(numbers) == 21
    assert all(0 <= y < 480 and 0 <= x < 480 and 0 <= score <= 1 for y, x, score in numbers)
    assert '(21, 40, 40) float32' in _text(executed, 'pose.heatmaps.shape')


def test_the_evaluation_has_a_table(executed: Any) -> None:
    text = _text(executed, 'result.text()')
    assert 'PCK@0.2, synthetic test, 20 people' in text
    names, rates = (line.split() for line in text.splitlines()[1:3])
    assert len(rates) == len(names) == 9
    assert rates[names.index('Face')] == '-', 'rendered people have no labels for it'
    # The bundled network finds joints, if not all, of rendered people.
    assert 20 < float(rates[-1]) <= 100


def test_the_training_lowers_the_loss(executed: Any) -> None:
    losses = [float(loss) for loss in re.findall(r'loss (\d+\.\d+)', _text(executed, 'train(TrainConfig'))]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert "'width': 16" in _text(executed, 'own = ')
