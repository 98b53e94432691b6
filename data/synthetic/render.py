"""Draw scenes: shading, shadows and the noise of the camera."""

from __future__ import annotations

from data.synthetic.background import draw_background
from data.synthetic.clothes import colours, linear
from data.synthetic.raster import Fragments, rasterise
from data.synthetic.scene import Scene

import cv2
import numpy as np

#: People are drawn with this many samples a pixel each way, then averaged.
SUPERSAMPLING = 2
#: Light intensities of the lamp, from above and from below.
_KEY, _SKY, _BOUNCE = np.array([0.82, 0.80, 0.74]), np.array([0.50, 0.54, 0.60]), np.array([0.26, 0.25, 0.22])


def _shade(scene: Scene, fragments: Fragments, size: tuple[int, int], metre: float) -> np.ndarray:
    """Return the light intensities (P, 3) of fragments; size is their image's, metre its pixels in a metre."""
    texture, is_cloth = np.empty((len(fragments.pixel), 3)), np.zeros(len(fragments.pixel), bool)
    for k, part in enumerate(scene.parts):
        mine = fragments.part == k
        texture[mine], is_cloth[mine] = colours(part.name, scene.figures[part.owner].clothes, fragments.at[mine],
                                                fragments.angle[mine])
    # Folds run along a limb, so the normals of cloth turn with the angle around it.
    folds = 0.12 * np.sin(fragments.angle * 9 + fragments.part * 3 + 4 * np.sin(fragments.at * 7)) * is_cloth
    normal = fragments.normal + (folds * np.cos(fragments.at * 5))[:, None]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    # A place behind its neighbours is in a hollow, where less light arrives.
    depth = np.zeros((2, size[0] * size[1]), np.float32)
    depth[0, fragments.pixel], depth[1, fragments.pixel] = fragments.depth, 1
    width = 2 * round(0.1 * metre) + 1
    mean, cover = (cv2.blur(plane.reshape(size), (width, width)).ravel()[fragments.pixel] for plane in depth)
    open_sky = 1 - 0.5 * np.clip((fragments.depth - mean / np.maximum(cover, 1e-4)) / 0.16, 0, 1)
    diffuse = np.clip(normal @ scene.lamp + 0.1, 0, None) * open_sky
    around = _BOUNCE + (_SKY - _BOUNCE) * (0.5 + 0.5 * normal[:, 1:2])
    return linear(texture) * (_KEY * diffuse[:, None] + around * open_sky[:, None])


def _ground_light(scene: Scene, ground: np.ndarray) -> np.ndarray:
    """Return the share (H, W, 1) of light that reaches the ground: people cast a shadow."""
    shadow = np.zeros(scene.size, np.uint8)
    slope = scene.lamp / scene.lamp[1]
    reach = 4 * max(scene.size)
    for part in scene.parts:
        flat = scene.camera.project(part.vertices - slope * np.maximum(part.vertices[:, :, 1:2], 0))
        # A bent limb is not convex, but a few rows of it are.
        for start in range(0, len(flat) - 1, 3):
            rows = flat[start:start + 4].reshape(-1, 3)
            if (rows[:, 2] > 0.3).all():
                corners = np.clip(rows[:, :2], -reach, reach).astype(np.float32)
                cv2.fillConvexPoly(shadow, cv2.convexHull(corners).astype(np.int32), 255)
    metre = scene.camera.focal / float(np.linalg.norm(scene.camera.position))
    soft = cv2.GaussianBlur(shadow.astype(np.float32) / 255, (0, 0), max(0.02 * metre, 0.4))
    return 1 - 0.55 * (soft * ground)[:, :, None]


def draw(scene: Scene) -> np.ndarray:
    """Return the picture of a scene: (3, H, W) uint8, RGB."""
    background, ground = draw_background(scene.place, scene.camera, scene.size)
    fine = scene.camera.scaled(SUPERSAMPLING)
    size = scene.size[0] * SUPERSAMPLING, scene.size[1] * SUPERSAMPLING
    fragments = rasterise(scene.parts, fine, size)
    layer = np.zeros((size[0] * size[1], 4), np.float32)
    metre = fine.focal / float(np.median(fragments.depth))
    layer[fragments.pixel, :3], layer[fragments.pixel, 3] = _shade(scene, fragments, size, metre), 1
    layer = cv2.resize(layer.reshape(*size, 4), scene.size[::-1], interpolation=cv2.INTER_AREA)
    light = background * _ground_light(scene, ground) * (1 - layer[:, :, 3:]) + layer[:, :, :3]

    image = 255 * np.sqrt(np.clip(light, 0, 1))
    if scene.blur > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), scene.blur)
    noise = np.random.default_rng(scene.place.seed).standard_normal(image.shape, np.float32) * scene.noise
    return np.ascontiguousarray(np.rint(np.clip(image + noise, 0, 255)).astype(np.uint8).transpose(2, 0, 1))
