from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.custom import CSVDataset
from data.custom.csv_table import read_csv
from data.synthetic import SyntheticDataset
from hourglass.crop import Extent, Square
from hourglass.errors import InputError
from hourglass.joint_table import from_table
from hourglass.joints import MPII
from tests.refusal import refusal

import numpy as np
import pytest

Rows = list[dict[str, Any]]
Write = Callable[..., Path]


def test_the_table_gives_the_people_that_were_written(table: Path, rendered: SyntheticDataset) -> None:
    dataset = CSVDataset(table, 'all')
    assert dataset.joint_set.joints == ('crown', 'l wrist', 'r wrist', 'left ankle', 'right ankle')
    assert dataset.joint_set.pairs == (('l wrist', 'r wrist'), ('left ankle', 'right ankle'))
    assert len(dataset) == 10
    columns = [MPII.index(joint) for joint in ('head top', 'left wrist', 'right wrist', 'left ankle', 'right ankle')]
    for i in range(10):
        image, person = dataset[i]
        expected_image, expected = rendered[i]
        np.testing.assert_array_equal(image, expected_image)
        np.testing.assert_array_equal(person.labelled, expected.labelled[columns])
        np.testing.assert_array_equal(person.visible, person.labelled & bool(i % 2))
        np.testing.assert_allclose(person.points[person.labelled], expected.points[columns][person.labelled])
        # Without a box it is around the joints.
        found = person.points[person.labelled]
        middle, sizes = (found.min(axis=0) + found.max(axis=0)) / 2, np.ptp(found, axis=0)
        np.testing.assert_allclose(person.location, [*middle, *sizes], atol=1e-5)
        assert person.reference_length == pytest.approx(sizes.max())
    assert (dataset.reference, dataset.threshold) == ('box', 0.1)


def test_every_fifth_image_is_held_out_with_all_its_people(write_table: Write, rows: Rows) -> None:
    path = write_table([*rows, {**rows[4], 'crown_x': 5, 'crown_y': 5}])
    names = {split: [person.image for person in CSVDataset(path, split).people]
             for split in ('train', 'val', 'trainval', 'all')}
    assert names['val'] == ['4.png', '9.png', '4.png']
    assert sorted(names['train'] + names['val']) == sorted(names['all']) == sorted(names['trainval'])
    assert not set(names['train']) & set(names['val'])
    few = write_table(rows[:2])
    assert [person.image for person in CSVDataset(few, 'val').people] == ['1.png']
    with pytest.raises(InputError, match="no person is in the split 'test'; the splits are train, val, trainval, all"):
        CSVDataset(path, 'test')


def test_a_column_of_splits(write_table: Write, rows: Rows) -> None:
    path = write_table([{**row, 'split': 'val' if i < 3 else 'odd' if i == 9 else 'train'}
                        for i, row in enumerate(rows)])
    assert [len(CSVDataset(path, split)) for split in ('train', 'val', 'trainval', 'all', 'odd')] == [6, 3, 9, 10, 1]


def test_a_file_for_each_split(write_table: Write, rows: Rows, tmp_path: Path) -> None:
    write_table(rows[:6], 'p_train.csv')
    write_table(rows[6:], 'p_val.csv')
    root = tmp_path / 'p_{split}.csv'
    assert [len(CSVDataset(root, split)) for split in ('train', 'val', 'trainval')] == [6, 4, 10]
    assert CSVDataset.joints_of(root).joints[0] == 'crown'
    with pytest.raises(InputError, match=r'p_test\.csv: no such file'):
        CSVDataset(root, 'test')
    with pytest.raises(InputError, match='not the name of a split'):
        CSVDataset(root, '../x')


def test_boxes_and_crops(write_table: Write, rows: Rows) -> None:
    boxed = [{**row, 'box_x': 10, 'box_y': 20, 'box_width': 30, 'box_height': 40} for row in rows]
    person = CSVDataset(write_table(boxed), 'all').people[0]
    assert (person.location, person.reference_length) == (Extent(40, 25, 40, 30), 40)
    crops = [{**row, 'center_x': 7, 'center_y': 8, 'side': 9} for row in boxed]
    person = CSVDataset(write_table(crops), 'all').people[0]
    assert (person.location, person.reference_length) == (Square(8, 7, 9), 40)


def test_the_torso_where_there_is_one(write_table: Write, rows: Rows) -> None:
    torso = [{'image': row['image'], 'LShoulder_x': 3, 'LShoulder_y': 4, 'RHip_x': 0 if i else '',
              'RHip_y': 0 if i else ''} for i, row in enumerate(rows)]
    dataset = CSVDataset(write_table(torso), 'all')
    assert (dataset.reference, dataset.threshold) == ('torso', 0.2)
    assert np.isnan(dataset.people[0].reference_length)
    assert dataset.people[1].reference_length == 5
    assert CSVDataset(write_table(torso), 'all', reference='box').people[1].reference_length == 4
    with pytest.raises(InputError, match='lack left shoulder or right hip'):
        CSVDataset(write_table(rows), 'all', reference='torso')


def test_other_joints(table: Path) -> None:
    dataset = CSVDataset(table, 'all', MPII)
    assert {MPII.joints[i] for i in np.flatnonzero(np.any([p.labelled for p in dataset.people], axis=0))} == {
        'left wrist', 'right wrist', 'left ankle', 'right ankle'}
    own = from_table({'joints': ['crown'], 'same_as': {'crown': 'head top'}}, 'x')
    assert CSVDataset(table, 'all', MPII, joints=own).people[0].labelled[MPII.index('head top')]
    with pytest.raises(InputError, match=r'no person in the split .all. has a joint of tail'):
        CSVDataset(table, 'all', from_table({'name': 'tail', 'joints': ['tip']}, 'x'))


def test_tables_as_excel_writes_them(pictures: Path, tmp_path: Path) -> None:
    """Each of the files holds a nose at x 40.5, y 20.25 and an eye at x 47, y -3."""
    for picture in pictures.iterdir():
        (tmp_path / picture.name).symlink_to(picture)
    header, row = ['image', 'nose_x', 'nose_y', 'eye_x', 'eye_y'], ['0.png', '40,5', '20,25', '47', '-3']

    def lines(delimiter: str, *first: str, quote: str = '') -> str:
        cells = [header, [f'{quote}{cell}{quote}' if ',' in cell else cell for cell in row]]
        return '\r\n'.join([*first, *map(delimiter.join, cells), ''])

    files = {
        'German': lines(';').encode('utf-8-sig'),
        'first line': lines(';', 'sep=;').encode(),
        'first line, other divider': lines('|', '"sep=|"').encode('utf-8-sig'),
        'quoted': lines(',', quote='"').encode(),
        'tabs': lines('\t').encode(),
        'empty lines': lines(',', quote='"').replace('\r\n', '\r\n\r\n').encode('utf-8-sig'),
        'Unicode text': lines('\t').encode('utf-16'),
        'big end first': b'\xfe\xff' + lines(';', 'sep=;').encode('utf-16-be'),
    }
    for name, content in files.items():
        (tmp_path / 'people.csv').write_bytes(content)
        people = read_csv(tmp_path / 'people.csv')
        assert people.points.tolist() == [[[20.25, 40.5], [-3, 47]]], name
        (tmp_path / 'people.csv').write_bytes(content.replace(b'47', b'4x').replace(b'4\x007', b'4\x00x'))
        with pytest.raises(InputError, match=f"line {3 if 'line' in name or 'big' in name else 2}, column eye_x"):
            read_csv(tmp_path / 'people.csv')


def test_thousands_are_not_taken_for_fractions(tmp_path: Path) -> None:
    path = tmp_path / 'a.csv'
    path.write_text('image;nose_x;nose_y\nimages\\a.png;1,234;5\n')
    people = read_csv(path)
    assert people.points.tolist() == [[[5, 1.234]]]
    assert people.images == ['images/a.png']
    path.write_text('image,nose_x,nose_y\na.png,"1,234",5\n')
    with pytest.raises(InputError, match=r"line 2, column nose_x: '1,234' is not a number"):
        read_csv(path)


def test_images_in_another_folder_and_by_absolute_paths(
    write_table: Write, rows: Rows, pictures: Path, tmp_path: Path,
) -> None:
    path = write_table([{**row, 'image': f'x/{row["image"]}'} for row in rows])
    with pytest.raises(InputError, match=rf'people\.csv: no such image {tmp_path}/x/0\.png'):
        CSVDataset(path, 'all')
    (tmp_path / 'y').mkdir()
    (tmp_path / 'y' / 'x').symlink_to(pictures)
    assert CSVDataset(path, 'all', images=tmp_path / 'y')[0][0].shape == (3, 64, 64)
    path = write_table([{**row, 'image': pictures / row['image']} for row in rows])
    assert CSVDataset(path, 'all')[0][0].shape == (3, 64, 64)


HEADER = 'image,nose_x,nose_y\n'


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'the file is empty'),
    (HEADER, 'no person is in it'),
    ('picture,nose_x,nose_y\na,1,2', "line 1: no column 'image'; its columns are picture, nose_x, nose_y"),
    ('image,nose_x\na,1', "line 1: no column 'nose_y'"),
    ('image,nose\na,1', 'line 1: no joints'),
    ('image,a_x,a_y,A_x\na,1,1,1', "line 1: two columns are called 'A_x'"),
    ('image,nose_x,nose_y,box_x\na,1,1,1', "line 1: no column 'box_y'"),
    (HEADER + 'a,1,2\nb,1\n', 'line 3: 2 columns in place of 3'),
    (HEADER + 'a,1,2\n\nb,one,2\n', "line 4, column nose_x: 'one' is not a number"),
    (HEADER + 'a,1,inf\n', "line 2, column nose_y: 'inf' is not a number from"),
    (HEADER + 'a,,2\n', 'line 2, column nose_x: is empty, but nose_y is not'),
    ('image,nose_x,nose_y,nose_visible\na,1,2,3\n', "line 2, column nose_visible: '3' is not 1"),
    ('image,nose_x,nose_y,center_x,center_y,side\na,1,2,3,4,0\n', "line 2, column side: '0' is not above 0"),
    (HEADER + 'a,"1,2\n', 'not a table that can be read'),
])
def test_a_wrong_table_is_one_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'a.csv').write_text(text)
    assert message in refusal(lambda path: CSVDataset(path, 'all'), tmp_path / 'a.csv')


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / 'a.csv').write_bytes(HEADER.encode() + b'\xff\xfe,1,2\n')
    for path, message in ((tmp_path / 'b.csv', 'no such file'), (tmp_path, 'a folder, not a table'),
                          (tmp_path / 'a.csv', 'not a table in UTF-8')):
        with pytest.raises(InputError, match=message):
            CSVDataset(path)
