"""Drawing poses and heatmaps."""

from __future__ import annotations

from hourglass.joints import JointSet

import cv2
import numpy as np

#: RGB of a limb by the part of the body that it belongs to; the colours of the original drawing.
PART_COLOURS = {'arm': (255, 0, 0), 'head': (0, 255, 0), 'spine': (255, 255, 255), 'leg': (0, 0, 255)}


def default_line_width(image_shape: tuple[int, ...]) -> int:
    """Return a line width in pixels that suits an image (height, width)."""
    return max(1, round(max(image_shape[:2]) / 100))


def draw_pose(
    image: np.ndarray, points: np.ndarray, joint_set: JointSet, line_width: int | None = None,
    scores: np.ndarray | None = None, threshold: float = 0.0, colour: tuple[int, int, int] | None = None,
) -> np.ndarray:
    """Draw the limbs of one person.

    Args:
        image: (3, H, W), RGB in [0, 255]; it is not changed.
        points: (K, 2), (y, x) in pixels.
        joint_set: names the limbs and their parts of the body.
        line_width: in pixels; by default it follows the image's size.
        scores: (K,), with ``threshold``: a limb is left out if one of its joints scores less.
        threshold: see ``scores``.
        colour: RGB of all limbs, in place of :data:`PART_COLOURS`.

    Returns:
        (3, H, W) uint8.
    """
    # A copy and not ascontiguousarray: OpenCV refuses the strides that the latter leaves on a single pixel.
    canvas = np.clip(np.rint(image), 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()
    width = line_width or default_line_width(canvas.shape)
    for a, b, part in joint_set.limb_indices:
        if scores is not None and min(scores[a], scores[b]) < threshold:
            continue
        if not np.isfinite(points[[a, b]]).all():
            continue
        ends = [tuple(int(v) for v in np.floor(points[i, ::-1])) for i in (a, b)]
        cv2.line(canvas, ends[0], ends[1], colour or PART_COLOURS[part], width)
    return canvas.transpose(2, 0, 1)


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
        # Each map is brightened to its own maximum, which the title tells; a weak one would not be seen otherwise.
        relative = np.clip(heatmap, 0, None) / max(float(heatmap.max()), 0.05)
        enlarged = np.clip(cv2.resize(relative.astype(np.float32), size), 0, 1)
        panels.append(_panel(pixels, enlarged, f'{joint}  {heatmap.max():.2f}'))
    panels += [np.zeros_like(pixels)] * (-len(panels) % columns)
    rows = [np.hstack(panels[i:i + columns]) for i in range(0, len(panels), columns)]
    return np.vstack(rows).transpose(2, 0, 1)
