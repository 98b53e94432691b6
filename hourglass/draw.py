"""Drawing poses and heatmaps."""

from __future__ import annotations

from collections.abc import Sequence

from hourglass.joints import JointSet

import cv2
import numpy as np

#: RGB of a limb by the part of the body that it belongs to: the colours of the reference (Chainer), and those of
#: left, right and middle for a user's joints.
PART_COLOURS = {'arm': (255, 0, 0), 'head': (0, 255, 0), 'spine': (255, 255, 255), 'leg': (0, 0, 255),
                'left': (0, 160, 255), 'right': (255, 128, 0), 'middle': (0, 220, 0)}
#: RGB of parts without a colour, in turn.
_PALETTE = ((255, 0, 255), (255, 255, 0), (0, 255, 255), (160, 80, 255), (255, 128, 128), (128, 255, 128))

#: RGB of people, in turn; neighbours differ much.
PERSON_COLOURS = (
    (255, 70, 70), (70, 170, 255), (255, 215, 0), (60, 215, 90), (255, 110, 225), (0, 225, 225),
    (255, 150, 40), (160, 115, 255), (190, 240, 70), (255, 175, 175), (0, 160, 140), (200, 200, 255),
)


def part_colours(joint_set: JointSet) -> dict[str, tuple[int, int, int]]:
    """Return the colour, RGB, of every part of the body that a limb of a joint set belongs to."""
    known = {**PART_COLOURS, **joint_set.colours}
    others = [part for part in dict.fromkeys(part for _, _, part in joint_set.limbs) if part not in known]
    return {**known, **{part: _PALETTE[i % len(_PALETTE)] for i, part in enumerate(others)}}


def default_line_width(image_shape: tuple[int, ...]) -> int:
    """Return the default line width in pixels for an image (height, width)."""
    return max(1, round(max(image_shape[:2]) / 100))


def draw_pose(
    image: np.ndarray, points: np.ndarray, joint_set: JointSet, line_width: int | None = None,
    scores: np.ndarray | None = None, threshold: float = 0.0, colour: tuple[int, int, int] | None = None,
) -> np.ndarray:
    """Draw the limbs of one person, and dots for joints that have none.

    Args:
        image: (3, H, W), RGB in [0, 255]; it is not changed.
        points: (K, 2), (y, x) in pixels.
        joint_set: names the limbs and their parts of the body.
        line_width: in pixels; by default it follows the image's size.
        scores: (K,), with ``threshold``: limbs and dots with a joint that scores less are left out.
        threshold: see ``scores``.
        colour: RGB of all limbs, in place of :func:`part_colours`.

    Returns:
        (3, H, W) uint8.
    """
    # A copy and not ascontiguousarray: OpenCV refuses the strides that the latter leaves on a single pixel.
    canvas = np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()
    draw_limbs(canvas, points, joint_set, line_width, scores, threshold, colour)
    return canvas.transpose(2, 0, 1)


def draw_limbs(
    canvas: np.ndarray, points: np.ndarray, joint_set: JointSet, line_width: int | None = None,
    scores: np.ndarray | None = None, threshold: float = 0.0, colour: tuple[int, int, int] | None = None,
) -> None:
    """Draw one person as :func:`draw_pose` does, into an array (H, W, 3) uint8 itself; colours are in its order."""
    width = line_width or default_line_width(canvas.shape)
    colours = part_colours(joint_set)
    limbs = joint_set.limb_indices
    # A joint without a limb is drawn as a dot, a limb from the joint to itself.
    alone = sorted(set(range(len(joint_set))) - {i for a, b, _ in limbs for i in (a, b)})
    for a, b, part in [*limbs, *((i, i, 'middle') for i in alone)]:
        if scores is not None and min(scores[a], scores[b]) < threshold:
            continue
        if not np.isfinite(points[[a, b]]).all():
            continue
        ends = [tuple(int(v) for v in np.floor(points[i, ::-1])) for i in (a, b)]
        cv2.line(canvas, ends[0], ends[1], colour or colours[part], 2 * width if a == b else width)


def draw_frame(image: np.ndarray, box: tuple[float, float, float, float], colour: tuple[int, int, int]) -> np.ndarray:
    """Draw a thin frame, moved to the image's border where it would be beyond it.

    Args:
        image: (3, H, W), RGB in [0, 255]; it is not changed.
        box: (y_min, x_min, y_max, x_max) in pixels.
        colour: RGB.

    Returns:
        (3, H, W) uint8.
    """
    canvas = np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()
    height, width = canvas.shape[:2]
    low, high = np.reshape(box, (2, 2)), np.array([height - 1, width - 1])
    (y0, x0), (y1, x1) = np.clip(np.rint(low), 0, high).astype(int).tolist()
    cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, max(1, round(default_line_width(canvas.shape) / 4)))
    return canvas.transpose(2, 0, 1)


def person_line_width(image_shape: tuple[int, ...], points: np.ndarray) -> int:
    """Return a line width in pixels that suits an image (height, width), and a person (K, 2) who may be small in it."""
    finite = points[np.isfinite(points).all(axis=1)]
    extent = float(np.ptp(finite, axis=0).max()) if len(finite) else 0.0
    return max(1, min(default_line_width(image_shape), round(extent / 40)))


def draw_people(
    image: np.ndarray, points: Sequence[np.ndarray], joint_set: JointSet, line_width: int | None = None,
    scores: Sequence[np.ndarray] | None = None, threshold: float = 0.0,
) -> np.ndarray:
    """Draw the limbs of several people, each in a colour of their own.

    Args:
        image: (3, H, W), RGB in [0, 255]; it is not changed.
        points: for each person (K, 2), (y, x) in pixels; the first is drawn last, on top.
        joint_set: names the limbs.
        line_width: in pixels; by default it follows the sizes of the image and of each person.
        scores: for each person (K,), with ``threshold``: a limb is left out if one of its joints scores less.
        threshold: see ``scores``.

    Returns:
        (3, H, W) uint8.
    """
    canvas = np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()
    for i in reversed(range(len(points))):
        draw_limbs(canvas, points[i], joint_set, line_width or person_line_width(canvas.shape, points[i]),
                   None if scores is None else scores[i], threshold, PERSON_COLOURS[i % len(PERSON_COLOURS)])
    return canvas.transpose(2, 0, 1)


def draw_tiles(tiles: Sequence[np.ndarray], size: tuple[int, int], columns: int = 8) -> np.ndarray:
    """Lay pictures side by side, in rows.

    Args:
        tiles: arrays (3, *size), RGB in [0, 255].
        size: (height, width) of each.
        columns: pictures in a row.

    Returns:
        (3, rows * height, columns * width) uint8, as wide as the longest row; places without a picture are black.
        Without pictures, one black tile.
    """
    columns = min(max(len(tiles), 1), columns)
    rows = max(1, -(-len(tiles) // columns))
    sheet = np.zeros((3, rows * size[0], columns * size[1]), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = (place * length for place, length in zip(divmod(i, columns), size, strict=True))
        sheet[:, y:y + size[0], x:x + size[1]] = np.clip(np.rint(tile), 0, 255)
    return sheet


def _panel(image: np.ndarray, heatmap: np.ndarray, title: str) -> np.ndarray:
    """Lay one heatmap (H, W) in [0, 1] over an image (H, W, 3) uint8 and write a title on it."""
    colours = cv2.applyColorMap((heatmap * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    strength = 0.25 + 0.65 * heatmap[:, :, None]
    panel = (image * (1 - strength) + colours * strength).astype(np.uint8)
    scale = image.shape[1] / 420
    cv2.rectangle(panel, (0, 0), (image.shape[1], round(30 * scale)), (0, 0, 0), cv2.FILLED)
    cv2.putText(panel, title, (round(6 * scale), round(21 * scale)), cv2.FONT_HERSHEY_SIMPLEX, 0.6 * scale,
                (255, 255, 255), max(1, round(scale)), cv2.LINE_AA)
    return panel


def draw_heatmaps(
    crop: np.ndarray, heatmaps: np.ndarray, joint_set: JointSet, columns: int = 4, panel_height: int = 256,
) -> np.ndarray:
    """Draw every joint's heatmap over the crop, in a grid with the joints' names.

    Args:
        crop: (3, h, w), RGB in [0, 255]: what the network saw.
        heatmaps: (K, H, W).
        joint_set: names the joints.
        columns: panels in a row.
        panel_height: height of a panel in pixels.

    Returns:
        (3, rows * panel height, columns * panel width) uint8.
    """
    size = round(panel_height * crop.shape[2] / crop.shape[1]), panel_height
    pixels = cv2.resize(np.clip(crop, 0, 255).transpose(1, 2, 0).astype(np.float32), size).astype(np.uint8)
    panels = []
    for joint, heatmap in zip(joint_set.joints, heatmaps, strict=True):
        # Each map is scaled to its own maximum, which the title gives, so that weak ones are visible, too.
        relative = np.clip(heatmap, 0, None) / max(float(heatmap.max()), 0.05)
        enlarged = np.clip(cv2.resize(relative.astype(np.float32), size), 0, 1)
        panels.append(_panel(pixels, enlarged, f'{joint}  {heatmap.max():.2f}'))
    panels += [np.zeros_like(pixels)] * (-len(panels) % columns)
    rows = [np.hstack(panels[i:i + columns]) for i in range(0, len(panels), columns)]
    return np.vstack(rows).transpose(2, 0, 1)
