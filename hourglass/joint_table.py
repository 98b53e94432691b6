"""A user's own joints: a table in JSON or YAML, and the defaults of its entries.

The table is an object with these entries; only ``joints`` has to be there.  A joint is named, or given by its number
from 0; underscores in a name count as spaces.

==========  ============================================================================================
name        what the set is called (default: the file's name)
joints      names of the joints, in the order of the heatmaps
pairs       pairs that change places in a mirrored image (default: names that differ by the side alone)
limbs       ``[joint, joint]`` or ``[joint, joint, part]``; a part gives the colour, by default the side is it
            (default: the limbs of a built-in set, as far as it has the joints)
groups      joints that are reported together, by the row's name (default: the joint without its side)
colours     ``[red, green, blue]`` from 0 to 255 by part
sigmas      constants of OKS by joint
same_as     what a joint is called in other sets (default: the name in small letters, the side in front)
derived     joints that are the middle of two joints of another set
==========  ============================================================================================

Weights files carry the table with every entry written out.  Nothing in one is believed unchecked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hourglass.errors import InputError
from hourglass.joint_names import clean, infer, side_of
from hourglass.joints import JOINT_SETS, JointSet
from hourglass.textfile import read_values

MAX_JOINTS = 256
#: Characters of a table as JSON, so that it fits beside the weights and into a snapshot.
MAX_CHARACTERS = 60_000
_MAX_LIMBS = 1024
_NAME = re.compile(r'\w[\w .,:()\'/+-]{0,63}')
_T = TypeVar('_T')


def to_table(joint_set: JointSet) -> dict[str, Any]:
    """Return a set as a table with every entry written out, ready for JSON."""
    return {
        'name': joint_set.name, 'joints': list(joint_set.joints),
        'pairs': [list(pair) for pair in joint_set.pairs or ()],
        'limbs': [list(limb) for limb in joint_set.limbs],
        'groups': {name: list(joints) for name, joints in joint_set.groups.items()},
        'colours': {part: list(colour) for part, colour in joint_set.colours.items()},
        'sigmas': dict(joint_set.sigmas), 'same_as': dict(joint_set.same_as),
        'derived': {joint: list(joints) for joint, joints in joint_set.derived.items()},
    }


def format_table(joint_set: JointSet) -> str:
    """Return a set's table as JSON, an entry a line, for people to change."""
    entries = (f'  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}'
               for key, value in to_table(joint_set).items())
    return '{\n' + ',\n'.join(entries) + '\n}\n'


def check_name(joint_set: JointSet) -> None:
    """Refuse a set with the name of a built-in one that is another set."""
    known = JOINT_SETS.get(joint_set.name)
    if known is not None and known != joint_set:
        raise InputError(f'{joint_set.name!r} is the name of a built-in joint set; choose another name')


class _Table:
    """Reads the entries of a table; every message begins with the table's source."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self.values, self.where = values, where
        self.joints: tuple[str, ...] = ()

    def fail(self, text: str) -> InputError:
        return InputError(f'{self.where}: {text}')

    def name(self, value: Any, place: str) -> str:
        """Return a cleaned name."""
        text = clean(value) if isinstance(value, str) else ''
        if not _NAME.fullmatch(text):
            raise self.fail(f'{place} is {str(value)[:40]!r}, not a name (1 to 64 letters, digits, spaces and '
                            '.,:()\'/+-)')
        return text

    def joint(self, value: Any, place: str) -> str:
        """Return a joint of the table, named or by its number."""
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value < len(self.joints):
                raise self.fail(f'{place} names joint {value}; there are 0 to {len(self.joints) - 1}')
            return self.joints[value]
        name = clean(value) if isinstance(value, str) else str(value)
        if name not in self.joints:
            raise self.fail(f'{place} names {name[:64]!r}, which is no joint of the table')
        return name

    def list(self, key: str, most: int, lengths: tuple[int, ...] = ()) -> list[Any]:
        """Return the list of an entry; with ``lengths``, a list of lists as long as one of them."""
        values = self.values[key]
        if not isinstance(values, list) or len(values) > most:
            raise self.fail(f'{key!r} is not a list of at most {most}')
        for i, value in enumerate(values):
            if lengths and not (isinstance(value, list) and len(value) in lengths):
                raise self.fail(f'{key}[{i}] is {str(value)[:40]!r}, not a list of '
                                f'{" or ".join(map(str, lengths))} entries')
        return values

    def mapping(self, key: str, read_key: Callable[[Any, str], str], read: Callable[[Any, str], _T]) -> dict[str, _T]:
        """Return an entry that is an object, keys and values read by functions of value and place."""
        values = self.values[key]
        if not isinstance(values, dict) or len(values) > MAX_JOINTS:
            raise self.fail(f'{key!r} is not an object of at most {MAX_JOINTS} entries')
        return {read_key(name, key): read(value, f'{key}[{str(name)[:40]!r}]') for name, value in values.items()}

    def colour(self, value: Any, place: str) -> tuple[int, int, int]:
        if isinstance(value, list) and len(value) == 3 and all(type(v) is int and 0 <= v <= 255 for v in value):
            return value[0], value[1], value[2]
        raise self.fail(f'{place} is {str(value)[:40]!r}, not three whole numbers from 0 to 255')

    def sigma(self, value: Any, place: str) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 10:
            return float(value)
        raise self.fail(f'{place} is {str(value)[:40]!r}, not a number above 0 and up to 10')

    def members(self, value: Any, place: str) -> tuple[str, ...]:
        """Return joints of the table, each once."""
        if not isinstance(value, list) or not 0 < len(value) <= MAX_JOINTS:
            raise self.fail(f'{place} is {str(value)[:40]!r}, not a list of joints')
        joints = tuple(self.joint(joint, place) for joint in value)
        if len(set(joints)) < len(joints):
            raise self.fail(f'{place} names a joint more than once')
        return joints

    def halves(self, value: Any, place: str) -> tuple[str, str]:
        """Return two joints of another set."""
        if not isinstance(value, list) or len(value) != 2:
            raise self.fail(f'{place} is {str(value)[:40]!r}, not a list of two joints')
        return self.name(value[0], place), self.name(value[1], place)


def _read_joints(table: _Table) -> tuple[str, ...]:
    joints = tuple(table.name(value, f'joints[{i}]') for i, value in enumerate(table.list('joints', MAX_JOINTS)))
    if not joints:
        raise table.fail("'joints' is empty")
    for joint in joints:
        if joints.count(joint) > 1:
            raise table.fail(f'two joints are called {joint!r}')
    return joints


def _read_pairs(table: _Table) -> tuple[tuple[str, str], ...]:
    pairs = tuple((table.joint(a, f'pairs[{i}]'), table.joint(b, f'pairs[{i}]'))
                  for i, (a, b) in enumerate(table.list('pairs', MAX_JOINTS, (2,))))
    seen: set[str] = set()
    for joint in (joint for pair in pairs for joint in pair):
        if joint in seen:
            raise table.fail(f'pairs name {joint!r} more than once')
        seen.add(joint)
    return pairs


def _read_limbs(table: _Table, base: JointSet) -> tuple[tuple[str, str, str], ...]:
    limbs = []
    for i, (a, b, *part) in enumerate(table.list('limbs', _MAX_LIMBS, (2, 3))):
        place = f'limbs[{i}]'
        ends = table.joint(a, place), table.joint(b, place)
        if ends[0] == ends[1]:
            raise table.fail(f'{place} goes from {ends[0]!r} to itself')
        limbs.append((*ends, table.name(part[0], place) if part else side_of(base, *ends)))
    return tuple(limbs)


def _read_groups(table: _Table) -> dict[str, tuple[str, ...]]:
    groups = table.mapping('groups', table.name, table.members)
    if not groups or 'Total' in groups:
        raise table.fail("'groups' has no row, or one that is called 'Total' as the sum of all is")
    return groups


def _read_same_as(table: _Table) -> dict[str, str]:
    same_as = table.mapping('same_as', table.joint, table.name)
    for joint, name in same_as.items():
        if (name in table.joints and name != joint) or list(same_as.values()).count(name) > 1:
            raise table.fail(f'same_as calls {joint!r} {name!r}, as another joint is called')
    return {joint: name for joint, name in same_as.items() if joint != name}


#: What reads the entries that may be missing; limbs, which come last, look at what the others say.
_READERS: dict[str, Callable[[_Table], Any]] = {
    'pairs': _read_pairs,
    'groups': _read_groups,
    'colours': lambda table: table.mapping('colours', table.name, table.colour),
    'sigmas': lambda table: table.mapping('sigmas', table.joint, table.sigma),
    'same_as': _read_same_as,
    'derived': lambda table: table.mapping('derived', table.joint, table.halves),
}
_ENTRIES = ('name', 'joints', *_READERS, 'limbs')


def from_table(values: Any, where: str, name: str = 'own') -> JointSet:
    """Make a joint set of a table.

    Args:
        values: as JSON or YAML gave it.
        where: what the table was in, for messages.
        name: of a set whose table has no name.

    Raises:
        InputError: the table is wrong; the text names the entry.
    """
    if not isinstance(values, dict) or 'joints' not in values:
        raise InputError(f'{where}: not a table of joints (an object with an entry "joints")')
    unknown = [str(key)[:40] for key in values if key not in _ENTRIES]
    if unknown:
        raise InputError(f'{where}: unknown entries {", ".join(unknown[:5])}; there are {", ".join(_ENTRIES)}')
    table = _Table(values, where)
    table.joints = _read_joints(table)
    title = table.name(values.get('name', name), "'name'")
    joint_set = replace(infer(title, table.joints), name=title,
                        **{key: read(table) for key, read in _READERS.items() if key in values})
    if 'limbs' in values:
        joint_set = replace(joint_set, limbs=_read_limbs(table, joint_set))
    if len(json.dumps(to_table(joint_set))) > MAX_CHARACTERS:
        raise table.fail(f'written out, the table has more than {MAX_CHARACTERS:,} characters')
    try:
        check_name(joint_set)
    except InputError as error:
        raise table.fail(str(error)) from None
    return JOINT_SETS.get(title, joint_set)


def read_joint_set(name_or_path: str) -> JointSet:
    """Return a built-in joint set by its name, or one from a file.

    Raises:
        InputError: there is neither such a name nor such a file, or the table in it is wrong.
    """
    if name_or_path in JOINT_SETS:
        return JOINT_SETS[name_or_path]
    path = Path(name_or_path)
    if not path.exists() and len(path.parts) == 1:
        raise InputError(f'{path}: no such file, and no joint set of this name ({", ".join(JOINT_SETS)})')
    return from_table(read_values(path, 'table of joints'), str(path), file_title(path))


def file_title(path: Path) -> str:
    """Return a name for what a file holds: its own, without what a name may not have."""
    text = clean(re.sub(r'[^\w .,:()\'/+-]', ' ', path.stem))[:64].strip()
    return text if _NAME.fullmatch(text) else 'own'
