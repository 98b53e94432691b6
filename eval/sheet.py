"""A picture of the people with the largest errors."""

from __future__ import annotations

import os

from data.person import Person, PersonDataset
from hourglass.crop import CropBox, crop_box, cut, whole_person
from hourglass.draw import draw_pose, draw_tiles
from hourglass.errors import InputError
from hourglass.image import write_image
from hourglass.joints import JointSet

import cv2
import numpy as np

#: People on the sheet, and in one of its rows.
_PEOPLE, _COLUMNS = 24, 6
#: Height and width of a picture on the sheet, and of the line of text below it.
_TILE = 256
_TEXT = 22
#: RGB of what is annotated; the prediction has the colours of the parts of the body.
_TRUTH = (255, 255, 0)


def _in_tile(points: np.ndarray, box: CropBox) -> np.ndarray:
    """Return (K, 2) points in pixels of the tile, not farther off than can be drawn; NaN remains."""
    scaled = (points - box.corner) * (_TILE / np.array(box.shape))
    return np.clip(scaled, -10 * _TILE, 10 * _TILE)


def _draw_tile(
    image: np.ndarray, person: Person, points: np.ndarray, joint_set: JointSet, caption: str,
) -> np.ndarray:
    """Return (3, _TILE + _TEXT, _TILE) uint8: the person, annotated in yellow and predicted in colours."""
    box = crop_box(whole_person(person.location), image.shape[1:], 'pad')
    tile = cut(image, box, (_TILE, _TILE), 'pad')
    truth = np.where(person.labelled[:, None], person.points, np.nan)
    tile = draw_pose(tile, _in_tile(truth, box), joint_set, 4, colour=_TRUTH, style='reference')
    tile = draw_pose(tile, _in_tile(points, box), joint_set, 2, style='reference')
    canvas = np.zeros((_TILE + _TEXT, _TILE, 3), np.uint8)
    canvas[:_TILE] = tile.transpose(1, 2, 0)
    cv2.putText(canvas, caption, (4, _TILE + _TEXT - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1,
                cv2.LINE_AA)
    return canvas.transpose(2, 0, 1)


def write_sheet(
    path: str | os.PathLike, dataset: PersonDataset, points: np.ndarray, errors: np.ndarray,
) -> np.ndarray:
    """Write a picture of the 24 people with the largest errors, each with its number, image and error.

    Args:
        path: picture to write.
        dataset: the annotated people.
        points: (N, K, 2) predictions, (y, x) in pixels of the images; NaN is not drawn.
        errors: (N,), the larger the worse; NaN for a person who is not scored.

    Returns:
        Rows of the people drawn, the worst first.

    Raises:
        InputError: no person has an error, an image cannot be read, or the picture cannot be written.
    """
    worst = np.argsort(-errors, kind='stable')  # NaN comes last
    rows = worst[~np.isnan(errors[worst])][:_PEOPLE]
    if not len(rows):
        raise InputError(f'{path}: no person of {dataset.name} can be scored, so there are no errors to show')
    tiles = []
    for i in rows.tolist():
        image, person = dataset[i]
        caption = f'{i}  {os.path.basename(person.image)[-22:]}  {errors[i]:.3f}'
        tiles.append(_draw_tile(image, person, points[i], dataset.joint_set, caption))
    write_image(path, draw_tiles(tiles, (_TILE + _TEXT, _TILE), _COLUMNS))
    return rows
