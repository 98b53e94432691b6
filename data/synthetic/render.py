"""Drawing scenes."""

from __future__ import annotations

from dataclasses import dataclass

from data.synthetic.annotation import Annotation, annotate
from data.synthetic.background import draw_background
from data.synthetic.fabric import TEXTURE_SHAPE
from data.synthetic.look import Painter, sample_look
from data.synthetic.props import ThingPainter
from data.synthetic.raster import Fragments, rasterise, vertex_normals
from data.synthetic.scene import Scene, sample_scene
from data.synthetic.shading import ground_shadow, shade

import cv2
import numpy as np

#: Figures are drawn with this many samples a pixel each way and then averaged; clean pictures with more.
SUPERSAMPLING, CLEAN_SUPERSAMPLING = 1.5, 2


@dataclass(frozen=True)
class RenderedPerson(Annotation):
    """An annotated person with the picture: ``image``, (3, H, W) uint8, RGB."""

    image: np.ndarray


def _paint(scene: Scene, fragments: Fragments) -> np.ndarray:
    """Return the textures (4, P) at fragments."""
    rng = np.random.default_rng([scene.look_seed, 0])
    painters: dict[int, Painter | ThingPainter] = {}
    for owner, figure in enumerate(scene.figures):
        look = figure.look or sample_look(rng, figure.outfit, figure.skeleton.physique.female > 0.5)
        painters[owner] = Painter(look, figure.outfit, rng)
    painters[-1] = ThingPainter(rng, TEXTURE_SHAPE)
    textures = [painters[part.owner].paint(part) for part in scene.parts]
    height, width = TEXTURE_SHAPE
    if scene.clean:
        height, width = 3 * height, 3 * width
        textures = [cv2.resize(texture, (width, height), interpolation=cv2.INTER_LINEAR) for texture in textures]
    texels = np.stack(textures).reshape(-1, 4)
    row, column = ((place * (n - 1) + np.float32(0.5)).astype(np.intp)
                   for place, n in zip(fragments.place, (height, width), strict=True))
    return texels[(fragments.part * height + row) * width + column].T


def _srgb(light: np.ndarray) -> np.ndarray:
    """Return light intensities as uint8, the inverse of :func:`data.synthetic.fabric.linear`."""
    table = np.rint(255 * np.linspace(0, 1, 4096) ** 0.5).astype(np.uint8)
    return table[(np.clip(light, 0, 1) * 4095).astype(np.intp)]


def _degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, add noise and compress an image (H, W, 3) uint8, as cameras do."""
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.9) * max(image.shape[0] / 256, 0.5))
    # The sum of two uniform numbers is near enough to a normal one, and drawn in a tenth of the time.
    noise = rng.integers(0, 256, (2, *image.shape), np.uint8).sum(axis=0, dtype=np.int16) - np.int16(255)
    strength = np.float32(rng.uniform(0, 6) / 104)
    image = np.clip(image + noise * strength + np.float32(0.5), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))]
    _, data = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    return cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)


def _draw_figures(scene: Scene, supersampling: float) -> np.ndarray:
    """Draw people and things: (H, W, 4) float32, light intensities times cover, and cover."""
    # An even size has a whole number of samples.
    height, width = (length + length % 2 for length in scene.size)
    fine_size = int(height * supersampling), int(width * supersampling)
    if not scene.parts:
        return np.zeros((*scene.size, 4), np.float32)
    fine = scene.camera.scaled(supersampling)
    fragments = rasterise(scene.parts, [vertex_normals(part.vertices) for part in scene.parts], fine, fine_size)
    layer = np.zeros((fine_size[0] * fine_size[1], 4), np.float32)
    shaded = shade(fragments, _paint(scene, fragments), scene.parts, fine, fine_size, scene.light, scene.look_seed)
    layer[fragments.pixel, :3] = shaded.T
    layer[fragments.pixel, 3] = 1
    figures = cv2.resize(layer.reshape(*fine_size, 4), (width, height), interpolation=cv2.INTER_AREA)
    return figures[:scene.size[0], :scene.size[1]]


def _ground_light(scene: Scene, ground: np.ndarray) -> np.ndarray:
    """Return (3, H, W) float32: the light that falls on the ground, and unshadowed on all else."""
    light = scene.light
    cast, contact = ground_shadow(scene.parts, scene.camera, scene.size, light)
    direct, ambient = (v.astype(np.float32)[:, None, None]
                       for v in (light.key * light.direction[1], light.sky + 0.3 * light.bounce))
    lost, lost_direct = np.maximum(0.35 * cast, 0.85 * contact) * ground, np.maximum(cast, 0.5 * contact) * ground
    return ambient * (1 - lost) + direct * (1 - lost_direct)


def draw(scene: Scene) -> np.ndarray:
    """Return the picture of a scene: (3, H, W) uint8, RGB."""
    rng = np.random.default_rng([scene.look_seed, 1])
    background = draw_background(rng, scene.camera, scene.size, scene.place, scene.distance, scene.clean)
    colour = background.colour * _ground_light(scene, background.ground)

    figures = _draw_figures(scene, CLEAN_SUPERSAMPLING if scene.clean else SUPERSAMPLING)
    *figure, cover = cv2.split(figures)
    colour = np.stack([plane * (1 - cover) + np.minimum(light, cover)
                       for plane, light in zip(colour, figure, strict=True)], axis=2)
    image = _srgb(colour)
    return np.ascontiguousarray((image if scene.clean else _degrade(image, rng)).transpose(2, 0, 1))


def render_scene(rng: np.random.Generator, size: tuple[int, int], n_people: int) -> tuple[np.ndarray, list[Annotation]]:
    """Draw several people in one picture, some of whom may hide others.

    Args:
        rng: source of all variation.
        size: (height, width).
        n_people: number of people.

    Returns:
        The picture (3, H, W) uint8, RGB, and the annotations of the people.
    """
    scene = sample_scene(rng, size, n_people)
    return draw(scene), annotate(scene)


def render_person(rng: np.random.Generator, size: tuple[int, int]) -> RenderedPerson:
    """Draw one person.

    Args:
        rng: source of all variation.
        size: (height, width) of the picture.
    """
    return annotated_picture(sample_scene(rng, size))


def annotated_picture(scene: Scene) -> RenderedPerson:
    """Draw a scene with one person."""
    person, = annotate(scene)
    return RenderedPerson(**vars(person), image=draw(scene))
