"""The command line of ``demo_multi_person.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from demos.people_config import GROUPS, PicturesConfig
from demos.video.config import VIDEO_GROUPS, VideoConfig
from hourglass.config import add_options, flag_of
from hourglass.errors import ArgumentParser, InputError


@dataclass(frozen=True, kw_only=True)
class _AllOptions(PicturesConfig, VideoConfig):
    """The fields of both, for the parser."""


def parse_people_options(description: str, arguments: Sequence[str] | None = None) -> PicturesConfig | VideoConfig:
    """Read a command line, by default that of the process.

    Returns:
        What to do: a :class:`VideoConfig` with ``--video``, else a :class:`PicturesConfig`.

    Raises:
        InputError: an option is wrong, or two do not go together.
    """
    parser = ArgumentParser(usage='%(prog)s [FILE ... | --video FILE] [options]', description=description)
    parser.add_argument('pictures', nargs='*', metavar='FILE|FOLDER|PATTERN', help='pictures, as --image')
    add_options(parser, _AllOptions, GROUPS | VIDEO_GROUPS, negatable=False)
    given = vars(parser.parse_args(arguments))
    if pictures := [*given.pop('pictures'), *given.get('image', ())]:
        given['image'] = pictures
    if 'video' not in given:
        for entry in fields(VideoConfig):
            if entry.name in given and entry.name not in PicturesConfig.__dataclass_fields__:
                raise InputError(f'{flag_of(entry)} needs --video')
        return PicturesConfig(**given)
    if 'image' in given:
        raise InputError('--video and --image exclude each other')
    return VideoConfig(**given)
