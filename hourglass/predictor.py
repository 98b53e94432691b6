"""Find the joints of one person in an image with a trained network."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from hourglass import providers
from hourglass.box_codec import CHANNELS
from hourglass.codec import decode_in_images, unflip
from hourglass.crop import Box, corners, cut, picture_box, prepare
from hourglass.engine.base import Engine
from hourglass.errors import InputError
from hourglass.image import Picture, as_images, is_one_image
from hourglass.joints import JointSet
from hourglass.options import MIN_SCORE
from hourglass.results import pose_to_dict, rectangle
from hourglass.spec import ModelSpec

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from chainer import Chain

#: Longest side, in pixels, of a picture that a result shows in a notebook.
_PREVIEW_SIDE = 800


def preview(drawn: Image.Image) -> bytes:
    """Return a JPEG file of a drawn picture, reduced for a notebook."""
    drawn.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    content = io.BytesIO()
    drawn.save(content, 'JPEG', quality=90)
    return content.getvalue()


class Joint(NamedTuple):
    """A joint, in pixels of the image, and its score in [0, 1]."""

    y: float
    x: float
    score: float


@dataclass(frozen=True, eq=False)
class Pose:
    """The pose of one person: joints, scores, heatmaps, crop and image.  A notebook shows it as a drawing.

    Attributes:
        points: (K, 2) float64, (y, x) in pixels of the image.
        scores: (K,) float32 in [0, 1].
        heatmaps: (K, H, W) float32, those of the last stack.
        box: the part of the image that the network saw.
        joint_set: names the joints.
        image: (3, H, W) float32, RGB in [0, 255]; the whole picture, not a copy.
    """

    points: np.ndarray
    scores: np.ndarray
    heatmaps: np.ndarray = field(repr=False)
    box: Box
    joint_set: JointSet = field(repr=False)
    image: np.ndarray = field(repr=False)

    @property
    def joints(self) -> dict[str, Joint]:
        """The joints by name."""
        return {name: Joint(float(y), float(x), float(score))
                for name, (y, x), score in zip(self.joint_set.joints, self.points, self.scores, strict=True)}

    def draw(self, threshold: float = MIN_SCORE, line_width: int | None = None, style: str = 'clear') -> Image.Image:
        """Return the picture with the limbs drawn (:func:`hourglass.draw.draw_pose`).

        Args:
            threshold: limbs with a joint that scores less are left out.
            line_width: in pixels; by default it follows the picture's size.
            style: ``clear`` or ``reference``.
        """
        from hourglass.draw import draw_pose

        drawn = draw_pose(self.image, self.points, self.joint_set, line_width, self.scores, threshold,
                          style=style)
        return Image.fromarray(drawn.transpose(1, 2, 0))

    def to_dict(self) -> dict[str, Any]:
        """Return the pose as in the JSON of ``demo.py``: ``joint_set``, ``joints`` (name, x, y, score) and ``seen``."""
        return {**pose_to_dict(self), 'seen': rectangle(corners(self.box))}

    def _repr_jpeg_(self) -> bytes:
        return preview(self.draw())


class PosePredictor:
    """Find the joints of people with a trained network.

    Args:
        network: the trained network on its device, or an engine that runs one.
        spec: joints and preprocessing of its weights.
        flip: average the heatmaps of an image and of its mirror image (slower, more accurate).
        batchsize: largest number of crops that go through the network at once.
    """

    def __init__(self, network: Chain | Engine, spec: ModelSpec, flip: bool = False, batchsize: int = 16) -> None:
        if not isinstance(network, Engine):
            from hourglass.engine.chainer_engine import ChainerEngine

            network = ChainerEngine(network)
        if batchsize < 1:
            raise InputError(f'batchsize must be at least 1, not {batchsize}')
        self.engine: Engine = network
        self.spec = spec
        self.flip = flip
        self.batchsize = batchsize

    @classmethod
    def load(
        cls, name: str | os.PathLike[str] | None = None, gpu: int = -1, flip: bool = False, batchsize: int = 16,
        engine: str = 'auto', precision: str = 'f32',
    ) -> PosePredictor:
        """Load weights by their name in the registry, or from a file.

        Args:
            name: a name (``bundled``, ``published``) or the path of a weights file or trainer snapshot.  By default
                the published weights if they can be loaded, else the bundled ones; a line on stderr reports which.
            gpu: number of the GPU; -1 for the CPU.
            flip, batchsize: as for the class.
            engine: what runs the network: ``chainer``, ``onnxruntime``, ``openvino``, or ``auto``, the fastest that
                is installed (:func:`hourglass.engine.choice.choose_engine`).
            precision: ``f32``; ``int8``, faster and less exact; ``bf16``, with OpenVINO on some CPUs.

        Raises:
            InputError: the weights, the GPU or the engine are not there, or cannot be used.
        """
        loaded, spec = providers.load_engine(None if name is None else os.fspath(name), gpu, engine, precision)
        if spec.joint_set.joints == CHANNELS.joints:
            raise InputError(f'{name}: the weights find people and not joints; --detector bundled uses them')
        return cls(loaded, spec, flip, batchsize)

    @property
    def network(self) -> Chain:
        """The Chainer network; ``AttributeError`` if another engine runs the weights."""
        from hourglass.engine.chainer_engine import ChainerEngine

        if not isinstance(self.engine, ChainerEngine):
            raise AttributeError(f"{self.engine.name} runs this network; load it with engine='chainer'")
        return self.engine.network

    def heatmaps(self, inputs: np.ndarray) -> np.ndarray:
        """Run the network.

        Args:
            inputs: (N, 3, H, W) float32, prepared as the weights require.

        Returns:
            (N, K, H / 4, W / 4) float32, the last stack's maps, averaged with those of the mirrored input if
            ``flip`` is on.
        """
        n = len(inputs)
        if self.flip:
            inputs = np.concatenate((inputs, inputs[..., ::-1]))
        pieces = range(0, len(inputs), self.batchsize)
        maps = np.concatenate([self.engine(inputs[start:start + self.batchsize]) for start in pieces])
        if self.flip:
            maps = (maps[:n] + unflip(maps[n:], self.spec.joint_set.flip_order)) / 2
        return maps

    def crop_image(self, image: np.ndarray, box: Box) -> np.ndarray:
        """Return the part of an image (3, H, W) that the network sees, (3, *input_size) float32 in the same range."""
        return cut(image, box, self.spec.input_size, self.spec.crop)

    def prepare(self, image: np.ndarray, box: Box) -> np.ndarray:
        """Cut a box out of an image (3, H, W) in [0, 255] and make it an input (3, *input_size) of the network."""
        return prepare(image, box, self.spec)

    def poses(
        self, imgs: Picture | Iterable[Picture], boxes: Iterable[Box] | None = None, bgr: bool = False,
    ) -> list[Pose]:
        """Find one person in each image.

        Args:
            imgs: one or several pictures: paths, PIL images or arrays (:func:`hourglass.image.as_image`).
            boxes: where the person is, for each image (:func:`hourglass.crop.person_box`).  By default the person is in
                the centre of the image (:func:`hourglass.crop.picture_box`).
            bgr: whether arrays (H, W, 3) have OpenCV's order of colours.

        Raises:
            InputError: a picture cannot be read, or is not a picture.
        """
        images = as_images(imgs, bgr)
        if boxes is None:
            boxes = [picture_box(img.shape[1:], self.spec) for img in images]
        return self.poses_in(images, boxes)

    def poses_in(self, images: Iterable[np.ndarray], boxes: Iterable[Box]) -> list[Pose]:
        """Find one person in each of some images, (3, H, W) float32, RGB in [0, 255]; otherwise as :meth:`poses`.

        The range of their values is not checked: a reduced dark picture may have fractions from 0 to 1.
        """
        pairs = list(zip(images, boxes, strict=True))
        poses = []
        for start in range(0, len(pairs), self.batchsize):
            batch = pairs[start:start + self.batchsize]
            heatmaps = self.heatmaps(np.stack([self.prepare(img, box) for img, box in batch]))
            points, scores = decode_in_images(self.spec, heatmaps, [box for _, box in batch])
            for i, (img, box) in enumerate(batch):
                poses.append(Pose(points[i], scores[i], heatmaps[i], box, self.spec.joint_set, img))
        return poses

    @overload
    def predict(self, imgs: Picture, bgr: bool = False) -> Pose: ...  # type: ignore[overload-overlap]  # (a text is a sequence of texts)

    @overload
    def predict(self, imgs: Iterable[Picture], bgr: bool = False) -> tuple[list[np.ndarray], list[np.ndarray]]: ...

    def predict(
        self, imgs: Picture | Iterable[Picture], bgr: bool = False,
    ) -> Pose | tuple[list[np.ndarray], list[np.ndarray]]:
        """Find the joints of the person in one image or in each of a list.

        Args:
            imgs, bgr: as for :meth:`poses`; the person is in the centre, and the image as high as the crop of the
                person (:func:`hourglass.crop.picture_box`).

        Returns:
            For one image the pose.  For a list, as in ChainerCV, points, a list of (K, 2) float64, (y, x) in pixels of
            the image; and scores, a list of (K,) float32 in [0, 1].  The joints' names are
            ``predictor.spec.joint_set.joints``.

        Raises:
            InputError: as for :meth:`poses`.
        """
        if is_one_image(imgs):
            return self.poses(imgs, bgr=bgr)[0]
        points, scores = [], []
        rest = iter(imgs)  # type: ignore[arg-type]  # (several pictures)
        # Batch by batch, so that the pictures of a long list are never in memory together.
        while batch := list(islice(rest, self.batchsize)):
            for pose in self.poses(batch, bgr=bgr):
                points.append(pose.points)
                scores.append(pose.scores)
        return points, scores
