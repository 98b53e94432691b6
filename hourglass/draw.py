"""Drawing poses and heatmaps.

There are two styles.  ``clear``: the person's left is lighter than the right, joints are dots, everything has a dark
edge, and limbs of unsure joints are faint.  ``reference`` draws as the reference (Chainer) does: plain lines, with a
colour for each part of the body.
"""

from __future__ import annotations

from collections.abc import Sequence

from hourglass.errors import InputError
from hourglass.joint_names import side_of
from hourglass.joints import JointSet
from hourglass.options import CLEAR_SCORE, MIN_SCORE, STYLES
from hourglass.pixels import to_pixels

import cv2
import numpy as np

Colour = tuple[int, int, int]

#: RGB of a limb by the part of the body that it belongs to: the colours of the reference (Chainer), and those of
#: left, right and middle for a user's joints.
PART_COLOURS = {'arm': (255, 0, 0), 'head': (0, 255, 0), 'spine': (255, 255, 255), 'leg': (0, 0, 255),
                'left': (0, 160, 255), 'right': (255, 128, 0), 'middle': (0, 220, 0)}
#: RGB of parts that have another colour in the style ``clear``, because pure blue is hard to see on dark clothes, and
#: white on light ones.
_CLEAR_COLOURS = {'arm': (255, 40, 40), 'head': (0, 215, 60), 'spine': (255, 190, 30), 'leg': (30, 110, 255)}
#: RGB of parts without a colour, in turn.
_PALETTE = ((255, 0, 255), (255, 255, 0), (0, 255, 255), (160, 80, 255), (255, 128, 128), (128, 255, 128))

#: RGB of people, in turn; neighbours differ much.
PERSON_COLOURS = (
    (255, 60, 60), (60, 150, 255), (255, 205, 0), (50, 205, 80), (255, 95, 215), (0, 205, 205),
    (255, 135, 20), (150, 100, 255), (165, 215, 40), (190, 110, 70), (0, 150, 130), (110, 120, 220),
)

#: How much lighter the left side is (0 to 1), how opaque a faint limb is, and RGB of the edge.
_LIGHTER, _FAINT, _EDGE = 0.55, 0.4, (20, 20, 20)
#: Joints at which a person's number is written: the first that is drawn.
HEAD = ('head top', 'nose', 'upper neck')


def person_colour(number: int) -> Colour:
    """Return the colour, RGB, of the person with a number; numbers begin at 1."""
    return PERSON_COLOURS[(number - 1) % len(PERSON_COLOURS)]


def limb_colours(
    joint_set: JointSet, colour: Colour | None = None, style: str = 'clear',
) -> list[tuple[int, int, Colour]]:
    """Return (joint, joint, RGB) of each limb; a joint without a limb is a limb to itself, drawn as a dot.

    Args:
        joint_set: names the limbs and their parts of the body.
        colour: of all limbs; by default each part of the body has its own.
        style: with ``clear``, limbs of the person's left are lighter.
    """
    if style not in STYLES:
        raise InputError(f'the style of a drawing is one of {", ".join(STYLES)}, not {style!r}')
    colours = {**PART_COLOURS, **(_CLEAR_COLOURS if style == 'clear' else {}), **joint_set.colours}
    limbs = joint_set.limb_indices
    others = [part for part in dict.fromkeys(part for _, _, part in limbs) if part not in colours]
    colours |= {part: _PALETTE[i % len(_PALETTE)] for i, part in enumerate(others)}
    alone = sorted(set(range(len(joint_set))) - {i for a, b, _ in limbs for i in (a, b)})
    found = []
    for a, b, part in [*limbs, *((i, i, 'middle') for i in alone)]:
        is_left = style == 'clear' and side_of(joint_set, joint_set.joints[a], joint_set.joints[b]) == 'left'
        red, green, blue = (round(value + _LIGHTER * (255 - value) * is_left) for value in colour or colours[part])
        found.append((a, b, (red, green, blue)))
    return found


def default_line_width(image_shape: tuple[int, ...]) -> int:
    """Return the default line width in pixels for an image (height, width)."""
    return max(1, round(max(image_shape[:2]) / 100))


def person_line_width(image_shape: tuple[int, ...], points: np.ndarray) -> int:
    """Return a line width in pixels that suits an image (height, width), and a person (K, 2) who may be small in it."""
    finite = points[np.isfinite(points).all(axis=1)]
    extent = float(np.ptp(finite, axis=0).max()) if len(finite) else 0.0
    return max(1, min(default_line_width(image_shape), round(extent / 40)))


def draw_pose(
    image: np.ndarray, points: np.ndarray, joint_set: JointSet, line_width: int | None = None,
    scores: np.ndarray | None = None, threshold: float = MIN_SCORE, colour: Colour | None = None,
    style: str = 'clear', legend: bool = False,
) -> np.ndarray:
    """Draw one person.

    Args:
        image: (3, H, W), RGB in [0, 255]; it is not changed.
        points: (K, 2), (y, x) in pixels.
        joint_set: names the limbs and their parts of the body.
        line_width: in pixels; by default it follows the image's size.
        scores: (K,); without them all joints are sure.
        threshold: limbs with a joint that scores less are left out.
        colour: RGB of all limbs; by default each part of the body has its own.
        style: ``clear`` or ``reference`` (see the top of this module).
        legend: explain the drawing in a corner.

    Returns:
        (3, H, W) uint8.
    """
    canvas = to_pixels(image)
    draw_limbs(canvas, points, joint_set, line_width, scores, threshold, colour, style)
    if legend:
        draw_legend(canvas, joint_set, threshold, colour, style)
    return canvas.transpose(2, 0, 1)


def draw_limbs(
    canvas: np.ndarray, points: np.ndarray, joint_set: JointSet, line_width: int | None = None,
    scores: np.ndarray | None = None, threshold: float = MIN_SCORE, colour: Colour | None = None,
    style: str = 'clear',
) -> None:
    """Draw one person as :func:`draw_pose` does, into an array (H, W, 3) uint8, RGB, itself."""
    width = line_width or default_line_width(canvas.shape)
    drawn = _drawn(points, scores, threshold)
    limbs = [limb for limb in limb_colours(joint_set, colour, style) if drawn[limb[0]] and drawn[limb[1]]]
    ends = {i: np.floor(points[i, ::-1]).astype(int) for a, b, _ in limbs for i in (a, b)}
    if style == 'reference':
        for a, b, shade in limbs:
            cv2.line(canvas, ends[a].tolist(), ends[b].tolist(), shade, 2 * width if a == b else width)
        return
    unsure = {i for i in ends if scores is not None and scores[i] < CLEAR_SCORE}
    faint = [limb for limb in limbs if unsure.intersection(limb[:2])]
    if faint:
        # Mixed only where the person is, for a crowd in a large picture.
        places = np.array([ends[i] for a, b, _ in faint for i in (a, b)])
        low, high = (np.maximum(bound, 0) for bound in (places.min(axis=0) - 2 * width, places.max(axis=0) + 2 * width))
        part = canvas[low[1]:high[1], low[0]:high[0]]
        if part.size:
            layer = part.copy()
            _stroke(layer, faint, {i: place - low for i, place in ends.items()}, width)
            part[...] = cv2.addWeighted(layer, _FAINT, part, 1 - _FAINT, 0)
    _stroke(canvas, [limb for limb in limbs if limb not in faint], ends, width)


def _drawn(points: np.ndarray, scores: np.ndarray | None, threshold: float) -> np.ndarray:
    """Return (K,) bool, which joints of a person are drawn."""
    finite = np.isfinite(points).all(axis=1)
    return finite if scores is None else finite & (np.asarray(scores) >= threshold)


def _stroke(
    canvas: np.ndarray, limbs: Sequence[tuple[int, int, Colour]], ends: dict[int, np.ndarray], width: int,
) -> None:
    """Draw limbs with dots at their ends, both over a dark edge."""
    edge, white = max(1, round(0.3 * width)), ((255, 255, 255), round(0.55 * width))
    dots = {i: (shade, width) if a == b else white for a, b, shade in limbs for i in (a, b)}
    for more in (edge, 0):
        for a, b, shade in limbs:
            cv2.line(canvas, ends[a].tolist(), ends[b].tolist(), _EDGE if more else shade, width + 2 * more,
                     cv2.LINE_AA)
        for i, (colour, radius) in dots.items():
            cv2.circle(canvas, ends[i].tolist(), radius + more, _EDGE if more else colour, cv2.FILLED, cv2.LINE_AA)


def draw_legend(
    canvas: np.ndarray, joint_set: JointSet, threshold: float, colour: Colour | None = None, style: str = 'clear',
) -> None:
    """Explain a drawing in the corner of an array (H, W, 3) uint8, RGB; arguments as for :func:`draw_pose`."""
    rows: dict[str, set[Colour]] = {}
    shades = [shade for _, _, shade in limb_colours(joint_set, colour, style)]
    for (_, _, part), shade in zip(joint_set.limb_indices, shades, strict=False):
        rows.setdefault('' if colour else part, set()).add(shade)
    key = [(f'{part} (right, left)' if part and len(found) > 1 else part or 'right, left', sorted(found, key=sum))
           for part, found in rows.items()]
    key += [(f'faint: score below {CLEAR_SCORE:g}', [(120, 120, 120)])] * (style == 'clear')
    key += [(f'not drawn: score below {threshold:g}', [_EDGE])] * (threshold > 0)
    scale = max(0.4, max(canvas.shape[:2]) / 1600)
    line, thickness = round(28 * scale), max(1, round(1.5 * scale))
    widest = max(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)[0][0] for text, _ in key)
    canvas[:len(key) * line + line // 2, :widest + round(3.5 * line)] //= 4
    for i, (text, found) in enumerate(key, 1):
        for k, shade in enumerate(found):
            low = line // 2 + k * line, i * line - line // 2
            cv2.rectangle(canvas, low, (low[0] + line * 3 // 4, low[1] + line // 2), shade, cv2.FILLED)
        cv2.putText(canvas, text, (3 * line, i * line), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255),
                    thickness, cv2.LINE_AA)


def draw_people(
    image: np.ndarray, points: Sequence[np.ndarray], joint_set: JointSet, line_width: int | None = None,
    scores: Sequence[np.ndarray] | None = None, threshold: float = MIN_SCORE, style: str = 'clear',
    legend: bool = False,
) -> np.ndarray:
    """Draw several people, each with a colour and a number.

    Args:
        image: (3, H, W), RGB in [0, 255]; it is not changed.
        points: for each person (K, 2), (y, x) in pixels; the first is number 1 and on top.
        joint_set: names the limbs.
        line_width: in pixels; by default it follows the sizes of the image and of each person.
        scores: for each person (K,); without them all joints are sure.
        threshold, style, legend: as in :func:`draw_pose`; with ``reference`` all people are alike.

    Returns:
        (3, H, W) uint8.
    """
    canvas = to_pixels(image)
    draw_numbered(canvas, points, range(1, len(points) + 1), joint_set, line_width, scores, threshold, style, legend)
    return canvas.transpose(2, 0, 1)


def draw_numbered(
    canvas: np.ndarray, points: Sequence[np.ndarray], numbers: Sequence[int], joint_set: JointSet,
    line_width: int | None = None, scores: Sequence[np.ndarray] | None = None, threshold: float = MIN_SCORE,
    style: str = 'clear', legend: bool = False,
) -> None:
    """Draw people as :func:`draw_people` does, with these numbers, into an array (H, W, 3) uint8, RGB, itself."""
    size = max(0.5, max(canvas.shape[:2]) / 1200)
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * size))
    places = joint_set.places
    colours = [None if style == 'reference' else person_colour(number) for number in numbers]
    for i in reversed(range(len(points))):
        width = line_width or person_line_width(canvas.shape, points[i])
        draw_limbs(canvas, points[i], joint_set, width, None if scores is None else scores[i], threshold, colours[i],
                   style)
    for i, colour in enumerate(colours):
        drawn = np.flatnonzero(_drawn(points[i], None if scores is None else scores[i], threshold))
        if colour is None or not len(drawn):
            continue
        heads = [places[name] for name in HEAD if name in places and places[name] in drawn]
        y, x = points[i][heads[0] if heads else drawn[np.argmin(points[i][drawn, 0])]]
        text = str(numbers[i])
        (across, up), _ = cv2.getTextSize(text, font, size, thickness)
        left = np.clip(x - across / 2, 0, max(0, canvas.shape[1] - across))
        below = np.clip(y - 20 * size, up + thickness, max(up + thickness, canvas.shape[0] - thickness))
        for ink, more in ((_EDGE, 2 * thickness), (colour, 0)):
            cv2.putText(canvas, text, (int(left), int(below)), font, size, ink, thickness + more, cv2.LINE_AA)
    if legend:
        draw_legend(canvas, joint_set, threshold, None if style == 'reference' else PERSON_COLOURS[0], style)


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
        panels.append(_panel(pixels, enlarged, f'{joint}  peak {heatmap.max():.2f}'))
    return draw_tiles([panel.transpose(2, 0, 1) for panel in panels], size[::-1], columns)
