"""Running a detector on COCO's images, and the scores of its boxes: average precision, recall, precision."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data.coco.annotations import PERSON, Annotations
from data.coco.detections import Detections
from data.pictures import check_pictures, pictures_of
from data.scenes import FindCounts, count_finds
from eval.coco_score import boxes_to_coco, read_stats, run_coco, stats_table, stats_to_dict
from eval.score import or_null, percent
from hourglass.detection import Detector, filter_boxes
from hourglass.image import read_image
from hourglass.wording import counted

import numpy as np
from tqdm import tqdm

#: What pycocotools counts for boxes, in its order: average precision over the thresholds 0.50 to 0.95 of intersection
#: over union, at one threshold, and of people of small, medium and large area; recall with at most 1, 10 and 100 boxes
#: an image, and of people of these areas.
BOX_STATS = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'AR1', 'AR10', 'AR100', 'ARs', 'ARm', 'ARl')
#: Recall and precision are for people from these heights on, in pixels.
HEIGHTS = (96, 192)


@dataclass(frozen=True)
class BoxScore:
    """The score of the boxes of a detector.

    Attributes:
        detector: its name.
        threshold: score from which a box is a person, for ``counts``.
        stats: the numbers of :data:`BOX_STATS`, in [0, 1], over all boxes; NaN where no person that
            counts is annotated.
        counts: people and finds from each of :data:`HEIGHTS` on.
        n_boxes: how many boxes there are.
        n_people: how many annotated people count: no crowds.
    """

    detector: str
    threshold: float
    stats: dict[str, float]
    counts: dict[int, FindCounts]
    n_boxes: int
    n_people: int

    def text(self) -> str:
        """Return the scores in percent as lines of text."""
        title = (f'boxes of {self.detector}, {counted(self.n_boxes, "box", "boxes")} for '
                 f'{counted(self.n_people, "person", "people")}')
        rows = [f'people from {height} pixels, boxes that score {self.threshold:g} or more, IoU 0.5: '
                f'recall {percent(count.recall)} ({count.found:,} of {count.people:,}), '
                f'precision {percent(count.precision)} ({count.right:,} of {count.finds:,})'
                for height, count in self.counts.items()]
        return '\n'.join([title, stats_table(self.stats), *rows])

    def to_dict(self) -> dict[str, Any]:
        """Describe the score for JSON; null where nothing is annotated or found."""
        heights = {}
        for height, count in self.counts.items():
            recall, precision = or_null(np.array([count.recall, count.precision]))
            heights[str(height)] = {'recall': recall, 'precision': precision, **asdict(count)}
        return {'detector': self.detector, 'stats': stats_to_dict(self.stats), 'boxes': self.n_boxes,
                'people': self.n_people, 'threshold': self.threshold, 'from_height': heights}


def detect_people(detector: Detector, name: str, people: Annotations, folder: Path) -> Detections:
    """Run a detector on all images of a file of annotations, with a progress bar.

    Args:
        detector: finds people; all of its boxes are taken, whatever their scores.
        name: of the detector.
        people: names the images.
        folder: of the images.

    Raises:
        InputError: an image or the detector cannot be used.
    """
    # Before work that may take hours.
    check_pictures(pictures_of(folder, [], [], [], people.sizes, people.images.values()), people.path.name,
                   decode=False)
    ids, boxes, scores = [np.zeros(0, np.int64)], [np.zeros((0, 4))], [np.zeros(0)]
    for image_id, image_name in tqdm(people.images.items(), f'finding people with {name}', unit='image',
                                     dynamic_ncols=True, disable=None):
        image = read_image(folder / image_name)
        found = filter_boxes(*detector.detect([image], [image_name])[0], image.shape[1:], 0)
        ids.append(np.full(len(found[0]), image_id))
        boxes.append(found[0])
        scores.append(found[1])
    if complaint := detector.complaint():
        print(f'warning: {complaint}', file=sys.stderr)
    return Detections(np.concatenate(ids), np.concatenate(boxes), np.concatenate(scores), name)


def score_boxes(found: Detections, people: Annotations, threshold: float) -> BoxScore:
    """Score boxes against annotated people: all of them with pycocotools, those of a minimum score by their heights.

    Args:
        found: the boxes.
        people: the people; all of their images count.  Whether joints are annotated does not matter.
        threshold: minimum score for recall and precision.
    """
    columns = zip(found.image_ids.tolist(), boxes_to_coco(found.boxes).tolist(), found.scores.tolist(), strict=True)
    evaluation = run_coco(people, [
        {'id': i, 'image_id': image_id, 'category_id': PERSON, 'bbox': box, 'score': score, 'area': box[2] * box[3]}
        for i, (image_id, box, score) in enumerate(columns, 1)], 'bbox')
    counts = dict.fromkeys(HEIGHTS, FindCounts())
    for image_id in people.images:
        rows = np.flatnonzero((found.image_ids == image_id) & (found.scores >= threshold))
        rows = rows[np.argsort(-found.scores[rows], kind='stable')]
        own = people.image_ids == image_id
        for height in HEIGHTS:
            counts[height] += count_finds(found.boxes[rows], people.boxes[own], people.is_crowd[own], height)
    return BoxScore(found.source, threshold, read_stats(BOX_STATS, evaluation), counts, len(found),
                    int((~people.is_crowd).sum()))
