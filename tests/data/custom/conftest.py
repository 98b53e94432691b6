"""A user's own data: rendered people with five joints, as a table and in COCO's format."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.synthetic import SyntheticDataset
from hourglass.crop import whole_person
from hourglass.image import write_image

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
            row |= {f'{name}_x': x, f'{name}_y': y, f'{name}_visible': int(person.visible[k])}
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
def coco(rendered: SyntheticDataset) -> dict[str, Any]:
    """The people in COCO's format."""
    annotations = []
    for i, person in enumerate(rendered.people):
        keypoints: list[float] = []
        for joint in JOINTS.values():
            k = rendered.joint_set.index(joint)
            keypoints += [*person.points[k, ::-1].tolist(), 1 + int(person.visible[k])] if person.labelled[k] else \
                [0, 0, 0]
        y, x, side = whole_person(person.location)
        annotations.append({'id': i + 1, 'image_id': 100 + i, 'category_id': 3, 'keypoints': keypoints, 'iscrowd': 0,
                            'bbox': [x - side / 2.5, y - side / 2.5, side / 1.25, side / 1.25], 'area': 500.0})
    return {
        'images': [{'id': 100 + i, 'file_name': f'{i}.png', 'width': 64, 'height': 64} for i in range(N)],
        'annotations': annotations,
        'categories': [{'id': 3, 'name': 'person', 'keypoints': list(JOINTS),
                        'skeleton': [[1, 2], [1, 3], [2, 4], [3, 5]]}],
    }


@pytest.fixture
def write_coco(pictures: Path, tmp_path: Path) -> Callable[..., Path]:
    def write(content: Any, name: str = 'people.json') -> Path:
        (tmp_path / 'annotations').mkdir(exist_ok=True)
        if not (tmp_path / 'images').exists():
            (tmp_path / 'images').symlink_to(pictures)
        path = tmp_path / 'annotations' / name
        path.write_text(json.dumps(content))
        return path

    return write
