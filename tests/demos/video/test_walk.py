"""A video from file to file on the command line, with the bundled weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from data.synthetic import walking_clip
from demos.video.reader import VideoReader
from tests.demos.video.clips import write_clip
from tests.stand_ins import correct_joints

import numpy as np


def test_two_people_who_walk(demo: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    clip = list(walking_clip((151, 269), 10))
    frames = [np.ascontiguousarray(image.transpose(1, 2, 0)) for image, _ in clip]
    source = write_clip(tmp_path / 'walk.avi', frames, 10)
    boxes = [(i, person.box) for i, (_, people) in enumerate(clip) for person in people]
    (tmp_path / 'boxes.json').write_text(json.dumps([
        {'image_id': i, 'category_id': 1, 'bbox': [x0, y0, x1 - x0, y1 - y0], 'score': 0.9}
        for i, (y0, x0, y1, x1) in boxes]))
    status, text = demo('--video', source, '--detector', 'boxes:boxes.json', '--nms', 1, '--nms-oks', 1,
                        '--out', 'new/out.mp4', '--json', 'new/out.jsonl')
    assert status == 0, text
    assert '10 frames, 2 tracks' in text
    assert {path.name for path in (tmp_path / 'new').iterdir()} == {'out.mp4', 'out.jsonl'}
    with VideoReader(tmp_path / 'new/out.mp4') as reader:
        assert (reader.size, reader.rate, len(list(reader))) == ((152, 270), 10, 10)
    lines = [json.loads(line) for line in (tmp_path / 'new/out.jsonl').read_text().splitlines()]
    assert all({person['track'] for person in line['people']} == {1, 2} for line in lines)
    for person in clip[0][1]:
        assert max(correct_joints(found['joints'], person.points) for found in lines[0]['people']) >= 0.8
