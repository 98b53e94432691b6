"""The pictures that a user names: files, folders, patterns; and what their results are called."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hourglass.coco_format import image_ids
from hourglass.errors import InputError
from hourglass.files import check_targets
from hourglass.image import check_picture_size, picture_endings, picture_formats, read_image
from hourglass.wording import counted

import numpy as np
from PIL import Image

#: What is written for each picture, besides the heatmaps.
RESULTS = ('input', 'output', 'tiled')

#: Endings of pictures that :func:`hourglass.image.read_image` does not read, or only with another package: those of
#: phones, cameras and drawing programs.  In a folder they are named when they are skipped.
OTHER_ENDINGS = frozenset((
    '.heic', '.heif', '.hif', '.jxl', '.jp2', '.psd', '.svg', '.eps', '.ico', '.tga',
    '.dng', '.raw', '.cr2', '.cr3', '.nef', '.arw', '.orf', '.raf', '.rw2', '.pef', '.srw',
))


@dataclass(frozen=True)
class PictureFile:
    """A file.

    Attributes:
        path: where it is.
        is_named: whether the user named the file, and not a folder or a pattern.
    """

    path: Path
    is_named: bool


def _is_picture(path: Path) -> bool:
    """Return whether a file in a folder is a picture, readable or not: by its ending, else by its content."""
    if path.name[0] == '.' or not path.is_file():
        return False
    if path.suffix.lower() in picture_endings() | OTHER_ENDINGS:
        return True
    try:
        with Image.open(path, formats=picture_formats()):
            return True
    except (OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError):
        return False


def _pictures_of(paths: Iterable[Path], results: Collection[str]) -> list[Path]:
    """Return the pictures among files, without hidden ones and the results of an earlier run."""
    found = [path for path in sorted(paths) if _is_picture(path)]
    stems = {path.stem for path in found}
    form = re.compile(f'((.+?)(?:-[0-9]+)?)_(?:{"|".join(map(re.escape, results))})')  # see result_names()

    def is_result(path: Path) -> bool:
        match = form.fullmatch(path.stem)
        return match is not None and not stems.isdisjoint(match.groups())

    return [path for path in found if not is_result(path)]


def _expand(argument: str, results: Collection[str]) -> list[PictureFile]:
    path = Path(argument)
    if path.is_dir():
        paths, complaint = list(path.iterdir()), f'no pictures in this folder; {path}/** takes those of folders within'
    elif glob.has_magic(argument) and not path.exists():
        paths, complaint = [*map(Path, glob.glob(argument, recursive=True))], 'fits no picture'
    else:
        return [PictureFile(path, True)]
    if not (found := _pictures_of(paths, results)):
        raise InputError(f'{argument}: {complaint}')
    return [PictureFile(p, False) for p in found]


def find_pictures(arguments: Sequence[str], results: Collection[str] = RESULTS) -> list[PictureFile]:
    """Return the pictures that arguments name, each once, in the order of the arguments and by name within each.

    Args:
        arguments: files, which need not exist; folders, of which the pictures are taken, readable or not, but none of
            folders within; patterns with ``*``, ``?``, ``[...]`` and ``**``.
        results: names that :func:`result_names` begins; results of an earlier run are no pictures.

    Raises:
        InputError: a folder or a pattern gives no picture.
        OSError: a folder cannot be read.
    """
    found: dict[str, PictureFile] = {}
    for argument in arguments:
        for picture in _expand(argument, results):
            found.setdefault(os.path.realpath(picture.path), picture)
    return list(found.values())


def result_names(pictures: Sequence[PictureFile]) -> list[str]:
    """Return what the names of each picture's results begin with.

    Nothing for a single picture that is named; else the picture's name without its ending and ``_``.  Pictures with
    the same name get ``-2``, ``-3`` after it, in their order.
    """
    if len(pictures) == 1 and pictures[0].is_named:
        return ['']
    taken: set[str] = set()
    names = []
    for picture in pictures:
        # Some file systems do not distinguish upper and lower case.
        name, number = picture.path.stem, 1
        while name.lower() in taken:
            number += 1
            name = f'{picture.path.stem}-{number}'
        taken.add(name.lower())
        names.append(f'{name}_')
    return names


@dataclass(frozen=True)
class Task:
    """One picture and its results.

    Attributes:
        picture: the file; ``None`` if the program renders the picture.
        image_id: what the picture is called in COCO's files.
        targets: the files to be written, the picture itself first.
        image: the picture if there is no file, or if it has been read already; (3, H, W) float32.
    """

    picture: PictureFile | None
    image_id: int | str
    targets: tuple[Path, ...]
    image: np.ndarray | None = None

    @property
    def name(self) -> str:
        return str(self.picture.path) if self.picture else 'drawn by the program'

    def read(self) -> np.ndarray:
        """Return the picture, (3, H, W) float32; ``InputError`` if it cannot be read, or not be written again."""
        if self.image is not None:
            return self.image
        assert self.picture is not None
        image = read_image(self.picture.path, upright=True, reduce=True)
        check_picture_size(self.targets[0], image.shape, self.picture.path)
        return image


def plan_pictures(
    arguments: Sequence[str], results: Sequence[Path], render: Callable[[], np.ndarray],
    others: Sequence[str | None], sources: Sequence[str | None],
) -> list[Task]:
    """Find the pictures that are named, and check them and what is to be written.

    Args:
        arguments: as for :func:`find_pictures`; without any, the program renders one picture.
        results: files to be written for a single picture, the picture itself first; for several pictures, their names
            begin with :func:`result_names`.
        render: gives that picture.
        others: files to be written once.
        sources: files that are read, besides the pictures.

    Raises:
        InputError: a picture that is named itself cannot be read, or a file cannot be written, or the results would go
            to a new folder with the name of a picture.
    """
    folder = results[0].parent
    # A folder without an ending is the usual case, and picture_endings() loads all formats of Pillow.
    if folder.suffix and folder.suffix.lower() in picture_endings() and not folder.is_dir():
        raise InputError(f'{folder}: --out names a folder, not a picture; the drawing in it is output.jpg')
    files = find_pictures(arguments, {*RESULTS, *(path.stem for path in results)})
    targets = [tuple(path.with_name(prefix + path.name) for path in results) for prefix in result_names(files)]
    ids = image_ids([str(picture.path) for picture in files])
    tasks = [Task(*values) for values in zip(files, ids, targets, strict=True)]
    if not files:
        tasks = [Task(None, results[0].name, tuple(results), render().astype(np.float32))]
    check_targets([*(target for task in tasks for target in task.targets), *others],
                  [*(picture.path for picture in files), *sources])
    for task in tasks:
        if task.picture and task.picture.is_named:
            image = task.read()
            if len(tasks) == 1:  # a pipe can be read only once
                return [replace(task, image=image)]
    return tasks


def read_pictures(tasks: Sequence[Task]) -> Iterator[tuple[Task, np.ndarray]]:
    """Yield tasks with their pictures, passing over those that cannot be used."""
    show: Any = print
    items: Iterable[Task] = tasks
    if len(tasks) > 1:
        from tqdm import tqdm  # only here: it takes long to import, and one picture needs no bar

        # disable=None: shown only where stderr is a terminal.
        items, show = tqdm(tasks, unit='picture', disable=None), tqdm.write
    for task in items:
        try:
            image = task.read()
        except InputError as error:
            show(f'skipped: {" ".join(str(error).split())}', file=sys.stderr)
            continue
        yield task, image


@contextmanager
def written_at_end(write: Callable[[], None]) -> Iterator[None]:
    """Write the results of all pictures after the block; after Ctrl-C in it, those of the pictures that are done."""
    try:
        yield
    except KeyboardInterrupt:
        write()
        raise
    write()


def report(tasks: Sequence[Task], n_done: int, out: str, found: str = '') -> None:
    """Report on stderr what was written for ``n_done`` of the tasks; ``InputError`` if others were skipped."""
    if n_done:
        name, results = counted(n_done, 'picture'), f'the results to {out}'
        if len(tasks) == 1:
            name, results = tasks[0].name, ', '.join(map(str, tasks[0].targets))
        print(f'{name}: {found}wrote {results}', file=sys.stderr)
    if n_done < len(tasks):
        raise InputError(f'{counted(len(tasks) - n_done, "picture")} of {len(tasks)} could not be used')
