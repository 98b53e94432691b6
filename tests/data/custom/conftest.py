"""A user's own data: rendered people with five joints as a table, and a file in COCO's format."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.synthetic import SyntheticDataset
from hourglass.image import write_image

import numpy as np
import pytest

#: What the user calls them, and what they are in the rendered people.
JOINTS = {'crown': 'head top', 'l_wrist': 'left wrist', 'r_wrist': 'right wrist', 'left ankle': 'left ankle',
          'right ankle': 'right ankle'}
N = 10
Rows = list[dict[str, Any]]


@pytest.fixture(scope='session')
def rendered() -> SyntheticDataset:
    return SyntheticDataset(N, size=(64, 64))


@pytest.fixture(scope='session')
def pictures(rendered: SyntheticDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('pictures')
    for i in range(N):
        write_image(folder / f'{i}.png', rendered[i][0])
    return folder


@pytest.fixture
def rows(rendered: SyntheticDataset) -> Rows:
    """The people as rows of a table."""
    rows: Rows = []
    for i, person in enumerate(rendered.people):
        row: dict[str, Any] = {'image': f'{i}.png'}
        for name, joint in JOINTS.items():
            k = rendered.joint_set.index(joint)
            y, x = person.points[k].tolist() if person.labelled[k] else ('', '')
            row |= {f'{name}_x': x, f'{name}_y': y, f'{name}_visible': i % 2}
        rows.append(row)
    return rows


@pytest.fixture
def write_table(pictures: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write rows beside the pictures."""
    def write(rows: Rows, name: str = 'people.csv', **options: Any) -> Path:
        for picture in pictures.iterdir():
            if not (tmp_path / picture.name).exists():
                (tmp_path / picture.name).symlink_to(picture)
        with (tmp_path / name).open('w', newline='', encoding=options.pop('encoding', 'utf-8')) as file:
            writer = csv.DictWriter(file, list(rows[0]), **options)
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path / name

    return write


@pytest.fixture
def table(write_table: Callable[..., Path], rows: Rows) -> Path:
    return write_table(rows)


@pytest.fixture
def content() -> dict[str, Any]:
    """A file in COCO's format with five images, 1.png to 5.png, and a person in each."""
    return {
        'images': [{'id': i, 'file_name': f'{i}.png', 'width': 96, 'height': 64} for i in range(1, 6)],
        'annotations': [{'id': i, 'image_id': i, 'category_id': 1, 'iscrowd': 0, 'num_keypoints': 5,
                         'keypoints': [40, 20, 2, 47, 25, 2, 33, 25, 1, 61, 35, 2, 26, 36, 2],
                         'bbox': [20, 10, 50, 40], 'area': 900} for i in range(1, 6)],
        'categories': [{'id': 1, 'name': 'person', 'skeleton': [[1, 2], [1, 3], [4, 5]],
                        'keypoints': ['nose', 'left_eye', 'right_eye', 'left_shoulder', 'right_shoulder']}],
    }


@pytest.fixture
def write_coco(tmp_path: Path) -> Callable[..., Path]:
    """Write such a file, and its images, whose grey values are ten times their numbers, into a folder."""
    def write(content: Any, name: str = 'people.json', folder: str | None = '.', encoding: str = 'utf-8') -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding=encoding)
        for i in range(1, 6) if folder is not None else ():
            write_image(tmp_path / str(folder) / f'{i}.png', np.full((3, 64, 96), 10 * i))
        return path

    return write
