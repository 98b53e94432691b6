"""A video from file to file, with the bundled weights."""

from __future__ import annotations

import json
from pathlib import Path

from data.synthetic import walking_clip
from demos import VideoConfig, annotate_video
from demos.video.reader import VideoReader
from demos.video.writer import VideoWriter
from hourglass.joints import MPII

import numpy as np
import pytest


def test_two_people_who_walk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer, rows, people = VideoWriter(tmp_path / 'walk.avi', (151, 269), 10), [], []
    for i, (image, those) in enumerate(walking_clip((151, 269), 10)):
        writer.write(np.ascontiguousarray(image.transpose(1, 2, 0)))
        people.append(those)
        for y0, x0, y1, x1 in (annotation.box for annotation in those):
            rows.append({'image_id': i, 'category_id': 1, 'bbox': [x0, y0, x1 - x0, y1 - y0], 'score': 0.9})
    writer.close()
    (tmp_path / 'boxes.json').write_text(json.dumps(rows))

    out = tmp_path / 'out'
    summary = annotate_video(VideoConfig(
        video=str(tmp_path / 'walk.avi'), out=str(out / 'out.mp4'), json=str(out / 'out.jsonl'), model='bundled',
        detector=f'boxes:{tmp_path / "boxes.json"}', nms=1, nms_oks=1))
    assert (summary.n_frames, summary.n_tracks, summary.status) == (10, 2, 0)
    assert '10 frames, 2 tracks' in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} == {'out.mp4', 'out.jsonl'}
    with VideoReader(out / 'out.mp4') as reader:
        assert (reader.size, reader.rate, len(list(reader))) == ((152, 270), 10, 10)

    lines = [json.loads(line) for line in (out / 'out.jsonl').read_text().splitlines()]
    assert [line['frame'] for line in lines] == list(range(10))
    np.testing.assert_allclose([line['time'] for line in lines], np.arange(10) / 10)
    correct = []
    first = lines[0]['people'][0]
    in_front = first['track'] if first['bbox'][0] < 130 else 3 - first['track']
    for line, those in zip(lines, people, strict=True):
        assert {person['track'] for person in line['people']} == {1, 2}
        for person in line['people']:
            annotation = those[0 if person['track'] == in_front else 1]
            y0, x0, y1, x1 = annotation.box
            assert person['bbox'] == pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=0.02)
            found = np.array([(joint['y'], joint['x']) for joint in person['joints']])
            distances = np.linalg.norm(found[:len(MPII)] - annotation.points, axis=1)
            correct += (distances < 0.1 * (y1 - y0))[annotation.visible].tolist()
    # A share of the weights' own on such pictures; joints of the other person would be far off.
    assert np.mean(correct) > 0.5
