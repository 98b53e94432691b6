from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import data.mpii.cache
from data.image import write_image
from data.mpii import MPIIDataset, check
from data.mpii.dataset import MATLAB_FILES
from data.mpii.matlab import read_matlab
from data.mpii.people import People
from data.mpii.splits import NAMES_FILE, first_of_each, name_hashes, validation_hashes
from hourglass.errors import InputError
from hourglass.joints import LSP, MPII

import numpy as np
import pytest
import scipy.io

EMPTY = np.zeros((0, 0))
ROOT = Path(__file__).resolve().parents[2]


def structs(entries: Sequence[dict[str, Any]]) -> np.ndarray:
    """Make a MATLAB struct array; a field that an entry lacks is empty there."""
    keys = list(dict.fromkeys(key for entry in entries for key in entry))
    array = np.empty(len(entries), [(key, object) for key in keys])
    for i, entry in enumerate(entries):
        array[i] = tuple(entry.get(key, EMPTY) for key in keys)
    return array


def point(joint: int, x: float, y: float, visible: Any = 1) -> dict[str, Any]:
    return {'x': x, 'y': y, 'id': joint, 'is_visible': visible}


def person(points: Sequence[dict[str, Any]] | None, scale: Any = 2.0, **changed: Any) -> dict[str, Any]:
    listed = {} if points is None else {'annopoints': {'point': structs(points)} if points else EMPTY}
    return {'x1': 10.0, 'y1': 20.0, 'x2': 40.0, 'y2': 60.0, 'scale': scale, 'objpos': {'x': 100.0, 'y': 80.0},
            **listed, **changed}


BODY = [point(6, 50.0, 70.0), point(7, 52.0, 40.0, 0)]

#: image, whether it is for training, people.
RELEASE: list[tuple[str, int, Any]] = [
    # A single person, so a struct and not a list; some numbers are stored as 8-bit integers.
    ('a.jpg', 1, person([point(0, 5.5, 7.25), point(9, 60.0, 30.0, EMPTY), point(15, 0.0, 12.0, 0)],
                        x1=np.uint8(250), x2=np.uint8(10))),
    ('test.jpg', 0, person(BODY)),
    ('nobody.jpg', 1, EMPTY),
    # The first usable person is the second; the third is usable too.  Texts say what is visible.
    ('b.jpg', 1, structs([person([]), person([point(2, 1.0, 2.0, '0'), point(3, 3.0, 4.0, '1')], scale=1.5),
                          person(BODY)])),
    ('without-points.jpg', 1, person(None)),
    # Lone points, and people without a position or a scale, are left out.
    ('c.jpg', 1, structs([person([point(1, 9.0, 9.0)]), person(BODY, objpos=EMPTY), person(BODY, scale=EMPTY),
                          person(BODY, scale=0.0),
                          person([point(4, 0.0, 0.0), point(5, 8.0, 9.0)], x1=EMPTY)])),
    ('d.jpg', 1, person(BODY)),
]


def write_release(path: Path, entries: Sequence[tuple[str, int, Any]] = RELEASE) -> None:
    images = [{'image': {'name': name}, 'annorect': people, 'vididx': EMPTY} for name, _, people in entries]
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {'RELEASE': {'annolist': structs(images), 'version': '12',
                                        'img_train': np.array([training for _, training, _ in entries])}})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with two validation images, b.jpg and d.jpg."""
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'MPII'
    write_release(folder / MATLAB_FILES[0])
    (folder / NAMES_FILE).parent.mkdir()
    (folder / NAMES_FILE).write_text('d.jpg\nb.jpg\nb.jpg\n')
    for name in 'abcd':
        write_image(folder / 'images' / f'{name}.jpg', np.full((3, 90, 120), 128, np.float32))
    return folder


def _joints(row: np.ndarray) -> list[int]:
    return np.flatnonzero(row).tolist()


def test_everybody_with_a_list_of_points_is_read(root: Path) -> None:
    people = read_matlab(root / MATLAB_FILES[0])
    assert people.image.tolist() == ['a.jpg', 'b.jpg', 'b.jpg', 'c.jpg', 'd.jpg']
    assert [_joints(row) for row in people.labelled] == [[0, 9, 15], [2, 3], [6, 7], [5], [6, 7]]
    assert [_joints(row) for row in people.visible] == [[0, 9], [3], [6], [5], [6]]
    np.testing.assert_array_equal(people.points[0, [0, 9, 15, 1]], [[7.25, 5.5], [30, 60], [12, 0], [0, 0]])
    np.testing.assert_allclose(people.center, [[110, 100], [102.5, 100], *[[110, 100]] * 3])
    np.testing.assert_allclose(people.side, [500, 375, 500, 500, 500])
    np.testing.assert_allclose(people.head_size, [.6 * np.hypot(240, 40), 30, 30, np.nan, 30])


def test_one_image_and_one_person_are_structs_too(tmp_path: Path) -> None:
    write_release(tmp_path / 'one.mat', RELEASE[:1])
    assert read_matlab(tmp_path / 'one.mat').image.tolist() == ['a.jpg']


def test_splits_and_protocols(root: Path) -> None:
    def images(*arguments: str) -> list[str]:
        return [p.image for p in MPIIDataset(root, *arguments).people]

    assert images('train') == ['a.jpg', 'c.jpg']
    assert images('val', 'all') == ['b.jpg', 'b.jpg', 'd.jpg']
    assert images('val') == ['b.jpg', 'd.jpg']
    assert images('trainval') == ['a.jpg', 'b.jpg', 'b.jpg', 'c.jpg', 'd.jpg']
    assert _joints(MPIIDataset(root, 'val').people[0].labelled) == [2, 3], 'the first usable person of the image'


def test_the_order_of_the_source_is_kept() -> None:
    assert first_of_each(np.array(['b', 'c', 'b', 'a', 'c', 'a'])).tolist() == [0, 1, 3]


def test_an_example_is_an_image_and_a_person(root: Path) -> None:
    dataset = MPIIDataset(root, 'train')
    image, first = dataset[0]
    assert (image.shape, image.dtype) == ((3, 90, 120), np.float32)
    assert first.points.shape == (16, 2)
    assert (first.points.dtype, first.center.dtype) == (np.float32, np.float64)
    assert first.side == 500
    assert first.reference_length == pytest.approx(.6 * np.hypot(240, 40))


def test_joints_of_another_set(root: Path) -> None:
    own, other = (MPIIDataset(root, 'train', joint_set=joints).people[0] for joints in (MPII, LSP))
    assert other.points.shape == (14, 2)
    for joint in ('right ankle', 'head top', 'left wrist'):
        np.testing.assert_array_equal(other.points[LSP.index(joint)], own.points[MPII.index(joint)])
    assert other.labelled.sum() == own.labelled.sum()


@pytest.mark.parametrize('place', MATLAB_FILES)
def test_annotations_may_stay_where_the_archive_puts_them(tmp_path: Path, place: str) -> None:
    write_release(tmp_path / place)
    assert len(MPIIDataset(tmp_path, 'trainval')) == 5


@pytest.mark.parametrize(('arguments', 'reason'), [
    (('test',), "no split 'test'"), (('val', 'some'), "no protocol 'some'"),
])
def test_unknown_splits(root: Path, arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        MPIIDataset(root, *arguments)


def test_an_empty_split_is_an_error(root: Path) -> None:
    (root / NAMES_FILE).write_text('x.jpg\n')
    with pytest.raises(InputError, match="nobody for the split 'val'"):
        MPIIDataset(root, 'val')


def test_no_annotations_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'mpii_human_pose_v1_u12_1\.mat: no such file; "python -m data check mpii"'):
        MPIIDataset(tmp_path)


@pytest.mark.parametrize('damage', ['truncated', 'text', 'empty', 'other variable', 'no images', 'joint id'])
def test_damaged_annotations_are_one_line(root: Path, damage: str) -> None:
    path = root / MATLAB_FILES[0]
    content = path.read_bytes()
    if damage == 'other variable':
        scipy.io.savemat(path, {'joints': np.zeros((3, 14, 5))})
    elif damage == 'no images':
        scipy.io.savemat(path, {'RELEASE': {'version': '12'}})
    elif damage == 'joint id':
        write_release(path, [('a.jpg', 1, person([point(16, 1.0, 2.0), *BODY]))])
    else:
        path.write_bytes({'truncated': content[:len(content) // 2], 'text': b'x' * 500, 'empty': b''}[damage])
    with pytest.raises(InputError) as error:
        MPIIDataset(root, 'trainval')
    assert str(error.value).startswith(str(path))
    assert '\n' not in str(error.value)
    assert not path.with_suffix('.cache.npz').exists()


def test_a_release_without_usable_people(tmp_path: Path) -> None:
    write_release(tmp_path / MATLAB_FILES[0], [RELEASE[1], RELEASE[2]])
    with pytest.raises(InputError, match='nobody in a training image'):
        MPIIDataset(tmp_path)


# The cache.

def _fail(path: Path) -> People:
    raise AssertionError(f'{path} was parsed again')


def _equal(a: MPIIDataset, b: MPIIDataset) -> bool:
    return len(a) == len(b) and all(
        p.image == q.image and np.array_equal(p.points, q.points) and np.array_equal(p.center, q.center)
        and np.array_equal(p.visible, q.visible) and p.side == q.side for p, q in zip(a.people, b.people, strict=True))


def test_annotations_are_parsed_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = MPIIDataset(root, 'trainval')
    assert (root / MATLAB_FILES[0]).with_suffix('.cache.npz').is_file()
    monkeypatch.setattr(data.mpii.cache, 'read_matlab', _fail)
    assert _equal(MPIIDataset(root, 'trainval'), first)


def test_another_file_is_parsed_anew(root: Path) -> None:
    assert len(MPIIDataset(root, 'trainval')) == 5
    write_release(root / MATLAB_FILES[0], RELEASE[:4])
    assert len(MPIIDataset(root, 'trainval')) == 3


@pytest.mark.parametrize('damage', ['truncated', 'changed', 'text', 'objects', 'shapes'])
def test_a_damaged_cache_is_made_anew(root: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    first = MPIIDataset(root, 'trainval')
    cache = (root / MATLAB_FILES[0]).with_suffix('.cache.npz')
    content = cache.read_bytes()
    if damage in ('objects', 'shapes'):
        with np.load(cache) as stored:
            arrays = dict(stored)
        arrays['image'] = arrays['image'].astype(object) if damage == 'objects' else arrays['image'][:-1]
        np.savez(cache, **arrays)
    else:
        middle = content.index(first.people[0].points.tobytes())
        changed = content[:middle] + bytes(255 - byte for byte in content[middle:middle + 64]) + content[middle + 64:]
        cache.write_bytes({'truncated': content[:-200], 'changed': changed, 'text': b'no cache'}[damage])
    assert _equal(MPIIDataset(root, 'trainval'), first)
    monkeypatch.setattr(data.mpii.cache, 'read_matlab', _fail)
    assert _equal(MPIIDataset(root, 'trainval'), first)


class _Mischief:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_a_cache_cannot_run_code(root: Path, tmp_path: Path) -> None:
    cache = (root / MATLAB_FILES[0]).with_suffix('.cache.npz')
    MPIIDataset(root)
    with np.load(cache) as stored:
        arrays = dict(stored)
    np.savez(cache, **{**arrays, 'image': np.array([_Mischief(tmp_path / 'made by the cache')] * 5)})
    assert len(MPIIDataset(root, 'trainval')) == 5
    assert not (tmp_path / 'made by the cache').exists()


def test_the_cache_folder_is_used_where_the_data_cannot_be_written_to(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A folder of that name cannot be replaced by a file, whoever runs the tests.
    (root / MATLAB_FILES[0]).with_suffix('.cache.npz').mkdir()
    first = MPIIDataset(root, 'trainval')
    assert [path.suffix for path in (tmp_path / 'cache').iterdir()] == ['.npz']
    monkeypatch.setattr(data.mpii.cache, 'read_matlab', _fail)
    assert _equal(MPIIDataset(root, 'trainval'), first)


def test_without_any_place_for_a_cache_it_still_works(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    (root / MATLAB_FILES[0]).with_suffix('.cache.npz').mkdir()
    (tmp_path / 'cache').write_text('a file where the folder should be')
    assert len(MPIIDataset(root, 'trainval')) == 5
    assert 'will be parsed again next time' in capsys.readouterr().err


# The check.

def test_a_complete_set(root: Path) -> None:
    report = check(root, read_images=True)
    assert [(part.title, part.images, part.people) for part in report.parts] == [
        ('train', 2, 2), ('val, one-per-image', 2, 2), ('val, all', 2, 3)]
    assert (report.missing, report.damaged, report.problems) == ((), (), [])


def test_missing_and_damaged_images_are_named(root: Path) -> None:
    (root / 'images' / 'b.jpg').unlink()
    (root / 'images' / 'c.jpg').write_bytes(b'')
    whole = (root / 'images' / 'd.jpg').read_bytes()
    (root / 'images' / 'd.jpg').write_bytes(whole[:len(whole) // 2])
    report = check(root)
    assert report.missing == ('b.jpg',)
    assert [line for line in report.damaged if 'c.jpg: the file is empty' in line]
    assert report.problems == ['1 missing image', '1 damaged image']
    assert len(check(root, read_images=True).damaged) == 2, 'reading finds the truncated image too'


def test_the_first_ten_missing_images_are_shown(root: Path) -> None:
    names = [f'{i:02d}.jpg' for i in range(13)]
    write_release(root / MATLAB_FILES[0], [(name, 1, person(BODY)) for name in names])
    (root / NAMES_FILE).write_text('00.jpg\nnot-annotated.jpg\n')
    report = check(root)
    assert report.problems == ['13 missing images', '1 validation image that the annotations do not have']
    lines = str(report).splitlines()
    assert [line.strip() for line in lines[-12:]] == ['13 missing images:', *names[:10], 'and 3 more']


@pytest.mark.parametrize('state', ['complete', 'nothing', 'damaged', 'no images'])
def test_the_command_line(root: Path, state: str) -> None:
    if state == 'nothing':
        shutil.rmtree(root)
    elif state == 'damaged':
        (root / MATLAB_FILES[0]).write_bytes(b'MATLAB 5.0')
    elif state == 'no images':
        shutil.rmtree(root / 'images')
    result = subprocess.run([sys.executable, '-m', 'data', 'check', 'mpii', '--root', root], cwd=ROOT, check=False,
                            capture_output=True, text=True)
    errors = [line for line in result.stderr.splitlines() if not line.startswith('Reading')]
    if state == 'complete':
        assert (result.returncode, errors) == (0, [])
        assert 'MPII is complete.' in result.stdout
        return
    assert result.returncode == 2
    assert len(errors) == 1
    assert str(root) in errors[0]
    tells_how = state != 'damaged'
    assert ('mpii_human_pose_v1.tar.gz' in result.stdout) == tells_how
    assert (f'{root}/{MATLAB_FILES[0]}' in result.stdout) == tells_how


# Against the reference files.

def test_people_of_the_sample_file(shared: Callable[[str], Path], root: Path) -> None:
    shutil.copyfile(shared('mpii/annot/mpii_sample_v1_u12_1.mat'), root / MATLAB_FILES[0])
    people = MPIIDataset(root, 'trainval').people
    assert [p.image[:9] for p in people] == ['025508722', '031130770', '059865848', '078618267', '078618267']
    assert [int(p.labelled.sum()) for p in people] == [14, 13, 16, 16, 16]
    np.testing.assert_allclose(people[0].center, [330 + 15 * 2.5, 560])
    assert people[0].side == 625
    assert people[0].reference_length == pytest.approx(.6 * np.hypot(110, 80))
    assert not people[0].labelled[[10, 11]].any()
    assert people[2].visible[[8, 9]].all(), 'no entry means visible'
    assert not people[1].visible[[3, 6, 9, 12]].any(), 'a text "0" is not visible'


def test_validation_images_are_the_usual_ones(shared: Callable[[str], Path], tmp_path: Path) -> None:
    def names(part: str) -> np.ndarray:
        return np.unique(shared(f'mpii/annot/{part}_images.txt').read_text().split())

    hashes = validation_hashes(tmp_path)
    np.testing.assert_array_equal(hashes, np.sort(name_hashes(names('valid'))))
    assert not np.isin(name_hashes(np.concatenate([names('train'), names('test')])), hashes).any()


def test_there_are_2729_validation_images(tmp_path: Path) -> None:
    hashes = validation_hashes(tmp_path)
    assert (hashes.shape, hashes.dtype) == ((2729,), np.uint64)
    assert (np.diff(hashes) > 0).all()
    assert hashes.max() < 2 ** 48
