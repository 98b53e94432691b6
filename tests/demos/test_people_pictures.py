from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demos import PicturesConfig, draw_people_in_pictures, people_pictures
from eval.coco_results import read_results
from hourglass.errors import InputError
from hourglass.image import read_image, write_image
from hourglass.joints import COCO

import numpy as np
import pytest
from PIL import Image

RESULTS = {'input.jpg', 'output.jpg', 'tiled.jpg'}
Run = Callable[..., tuple[int, str]]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def write_boxes(path: Path, *rows: tuple, name: int | str = 'photo.png', score: float = .9) -> str:
    """Write detections of (x, y, width, height), and return the name of their detector."""
    path.write_text(json.dumps([{'image_id': name, 'category_id': 1, 'bbox': list(row), 'score': score}
                                for row in rows]))
    return f'boxes:{path}'


def test_the_json(demo: Run, scene: Any, tmp_path: Path) -> None:
    photo, boxes = scene
    photo = photo.rename(tmp_path / '000000000042.png')
    detector = write_boxes(tmp_path / 'boxes.json', *boxes, name=42)
    status, text = demo('--image', photo, '--detector', detector, '--json', 'a.json')
    assert status == 0, text
    people = json.loads((tmp_path / 'a.json').read_text())
    assert len(people) == 4
    assert {(person['image_id'], person['file_name']) for person in people} == {(42, '000000000042.png')}
    for person in people:
        assert min(np.abs(np.array(boxes) - person['bbox']).max(axis=1)) < .01
        assert (person['category_id'], person['joint_set'], person['box_score']) == (1, 'mpii-coco', .9)
        triples = dict(zip(COCO.joints, np.reshape(person['keypoints'], (17, 3)).tolist(), strict=True))
        assert triples.items() <= {j['name']: [j['x'], j['y'], j['score']] for j in person['joints']}.items()
        scores = [joint['score'] for joint in person['joints']]
        assert person['score'] == pytest.approx(.9 * np.mean(scores), abs=1e-3)
    assert [person['score'] for person in people] == sorted((person['score'] for person in people), reverse=True)
    assert read_results(tmp_path / 'a.json', {7: '000000000042.png'}).image_ids.tolist() == [7] * 4, 'eval.py reads it'


def test_no_people_is_no_error(demo: Run, scene: Any, tmp_path: Path) -> None:
    detector = write_boxes(tmp_path / 'boxes.json', (0, 0, 0, 0), (9, 9, -5, 40), (900, 10, 50, 90))
    status, text = demo('--image', scene[0], '--detector', detector, '--json', 'a.json')
    assert status == 0
    assert ': no people' in text
    assert (tmp_path / 'output.jpg').read_bytes() == (tmp_path / 'input.jpg').read_bytes()
    assert json.loads((tmp_path / 'a.json').read_text()) == []
    assert not read_image(tmp_path / 'tiled.jpg').any()


def test_unsure_joints_are_left_out(demo: Run, scene: Any, tmp_path: Path) -> None:
    detector = write_boxes(tmp_path / 'boxes.json', *scene[1])

    def n_drawn(threshold: float) -> int:
        assert demo('--image', scene[0], '--detector', detector, '--line-width', 9, '--threshold', threshold)[0] == 0
        changes = abs(read_image(tmp_path / 'output.jpg') - read_image(tmp_path / 'input.jpg')).max(axis=0)
        return (changes > 80).sum()

    assert n_drawn(0) > n_drawn(1) == 0


def test_the_limits_on_people(demo: Run, scene: Any, tmp_path: Path) -> None:
    detector = write_boxes(tmp_path / 'boxes.json', *scene[1], score=.3)
    common = ('--image', scene[0], '--detector', detector)
    assert ': no people' in demo(*common)[1]
    assert ': 1 person;' in demo(*common, '--score-threshold', .3, '--max-people', 1, '--batchsize', 1)[1]
    assert read_image(tmp_path / 'tiled.jpg').shape == (3, 192, 192)
    config = PicturesConfig(model='bundled', detector='bundled-fast', nms=.8, nms_oks=.9).load()
    assert (config.nms, config.nms_oks) == (.8, .9)


def test_several_pictures(demo: Run, scene: Any, tmp_path: Path) -> None:
    (tmp_path / 'photos').mkdir()
    data = scene[0].rename(tmp_path / 'photos/b.png').read_bytes()
    write_image(tmp_path / 'photos/a.jpg', np.zeros((3, 50, 60)))
    others = {'notes.txt': b'no picture', 'c.png': data[:len(data) // 2], 'd.jpg': b'no picture',
              'e.HEIC': b'\0\0\0\x18ftypheic'}
    for name, content in others.items():
        (tmp_path / 'photos' / name).write_bytes(content)
    detector = write_boxes(tmp_path / 'boxes.json', *scene[1], name='b.png')
    status, text = demo('--image', 'photos', '--detector', detector, '--out', 'new/out', '--json', 'new/a.json')
    assert status == 2
    lines = text.strip().splitlines()
    for line, reason in zip(lines, ('c.png: cannot be read', 'd.jpg: not a picture', 'e.HEIC: '), strict=False):
        assert line.startswith(f'skipped: photos/{reason}')
    assert lines[3:] == ['2 pictures: 4 people; wrote the results to new/out',
                         'demo_multi_person.py: 3 pictures of 5 could not be used']
    assert files(tmp_path / 'new/out') == {f'{name}_{result}' for name in 'ab' for result in RESULTS}
    assert {person['image_id'] for person in json.loads((tmp_path / 'new/a.json').read_text())} == {'b.png'}


@pytest.mark.parametrize(('error', 'expected'), [(KeyboardInterrupt, {'b.png'}), (InputError, None)])
def test_a_stop_leaves_the_json_of_the_pictures_that_are_done_and_an_error_leaves_none(
    scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], expected: set[str] | None,
) -> None:
    (tmp_path / 'b.png').write_bytes(scene[0].read_bytes())
    detector = write_boxes(tmp_path / 'boxes.json', *scene[1], name='b.png')
    config = PicturesConfig(image=[str(tmp_path / 'b.png'), str(scene[0])], out=str(tmp_path / 'out'), model='bundled',
                            detector=detector, json=str(tmp_path / 'a.json'))
    write = people_pictures._write

    def stop_at_the_second(task: Any, *rest: Any) -> None:
        if task.picture.path == scene[0]:
            raise error
        write(task, *rest)

    monkeypatch.setattr(people_pictures, '_write', stop_at_the_second)
    with pytest.raises(error):
        draw_people_in_pictures(config)
    found = (tmp_path / 'a.json').read_text() if (tmp_path / 'a.json').exists() else None
    assert (found and {person['image_id'] for person in json.loads(found)}) == expected


def test_a_grey_picture_of_one_pixel(demo: Run, tmp_path: Path) -> None:
    Image.new('LA', (1, 1)).save(tmp_path / 'photo.png')
    detector = write_boxes(tmp_path / 'boxes.json', (-2, -2, 30, 40), (0, 0, 1, 1))
    status, text = demo('--image', 'photo.png', '--detector', detector)
    assert status == 0, text
    assert files(tmp_path) == {*RESULTS, 'photo.png', 'boxes.json'}


def test_boxes_of_other_pictures_are_reported(demo: Run, scene: Any, tmp_path: Path) -> None:
    detector = write_boxes(tmp_path / 'boxes.json', *scene[1], name='other.png')
    status, text = demo('--image', scene[0], '--detector', detector)
    assert status == 0
    assert 'boxes.json: no boxes of any of these pictures' in text


def test_photographs_of_coco(demo: Run, shared: Callable[[str], Path], tmp_path: Path) -> None:
    detections = shared('coco/test_coco_det_AP_H_56.json')
    status, text = demo('--image', shared('coco') / '*.jpg', '--detector', f'boxes:{detections}',
                        '--out', 'out', '--json', 'a.json')
    assert status == 0, text
    people = json.loads((tmp_path / 'a.json').read_text())
    assert {person['image_id'] for person in people} == {785, 40083, 196141, 197388}
    assert 14 <= len(people) <= 20
