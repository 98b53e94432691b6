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

Weights files contain the table with every entry written out.  Every entry of a table is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

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


def check_name(joint_set: JointSet, where: str = '') -> None:
    """Refuse a set with the name of a built-in one that is another set; ``where`` begins the message."""
    known = JOINT_SETS.get(joint_set.name)
    if known is not None and known != joint_set:
        raise InputError(f'{where}{joint_set.name!r} is the name of a built-in joint set; choose another name')


def _fail(value: Any, expected: str) -> NoReturn:
    raise ValueError(f'{str(value)[:40]!r} is not {expected}')


def _name(value: Any) -> str:
    name = clean(value) if isinstance(value, str) else ''
    return name if _NAME.fullmatch(name) else _fail(value, "a name (1 to 64 letters, digits, spaces and .,:()'/+-)")


def _colour(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= 255 else _fail(value, 'a whole number from 0 to 255')


def _sigma(value: Any) -> float:
    is_number = type(value) in (int, float) and 0 < value <= 10
    return float(value) if is_number else _fail(value, 'a number above 0 and up to 10')


def _list(read: Callable[[Any], _T], least: int, most: int) -> Callable[[Any], tuple[_T, ...]]:
    """Return a reader of a list of ``least`` to ``most`` values, each of which ``read`` reads."""
    def read_list(value: Any) -> tuple[_T, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            _fail(value, f'a list of {least} entries' if least == most else f'a list of {least} to {most} entries')
        return tuple(map(read, value))

    return read_list


def _object(read_key: Callable[[Any], str], read: Callable[[Any], _T]) -> Callable[[Any], dict[str, _T]]:
    """Return a reader of an object, whose keys and values these functions read."""
    def read_object(value: Any) -> dict[str, _T]:
        if not isinstance(value, dict) or len(value) > MAX_JOINTS:
            _fail(value, f'an object of at most {MAX_JOINTS} entries')
        return {read_key(key): read(item) for key, item in value.items()}

    return read_object


def _each_once(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'{name!r} occurs more than once')


def _read_joints(value: Any) -> tuple[str, ...]:
    joints = _list(_name, 1, MAX_JOINTS)(value)
    _each_once(joints)
    return joints


def _readers(joints: tuple[str, ...]) -> dict[str, Callable[[Any], Any]]:
    """Return what reads the entries that may be missing, in a table with these joints."""
    def joint(value: Any) -> str:
        if type(value) is int and 0 <= value < len(joints):
            return joints[value]
        name = clean(value) if isinstance(value, str) else ''
        return name if name in joints else _fail(value, f'a joint of the table, or its number from 0 to '
                                                        f'{len(joints) - 1}')

    def pairs(value: Any) -> tuple[tuple[str, ...], ...]:
        found = _list(_list(joint, 2, 2), 0, MAX_JOINTS)(value)
        _each_once([name for pair in found for name in pair])
        return found

    def limb(value: Any) -> tuple[str, ...]:
        a, b, *part = _list(lambda entry: entry, 2, 3)(value)
        return joint(a), joint(b), *map(_name, part)

    def groups(value: Any) -> dict[str, tuple[str, ...]]:
        found = _object(_name, _list(joint, 1, MAX_JOINTS))(value)
        if not found or 'Total' in found:
            raise ValueError('at least one row is needed, and Total is the name of the sum of all rows')
        return found

    def same_as(value: Any) -> dict[str, str]:
        found = {name: other for name, other in _object(joint, _name)(value).items() if name != other}
        _each_once([*joints, *found.values()])
        return found

    return {'pairs': pairs, 'groups': groups, 'colours': _object(_name, _list(_colour, 3, 3)),
            'sigmas': _object(joint, _sigma), 'same_as': same_as, 'derived': _object(joint, _list(_name, 2, 2)),
            'limbs': _list(limb, 0, _MAX_LIMBS)}


_ENTRIES = ('name', 'joints', *_readers(()))


def _read(key: str, value: Any, read: Callable[[Any], _T], where: str) -> _T:
    """Read an entry; ``InputError`` names it and its table if it is wrong."""
    try:
        return read(value)
    except ValueError as error:
        raise InputError(f'{where}: {key!r}: {error}') from None


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
        raise InputError(f'{where}: unknown entries {", ".join(unknown[:5])}; the entries are {", ".join(_ENTRIES)}')
    joints = _read('joints', values['joints'], _read_joints, where)
    title = _read('name', values.get('name', name), _name, where)
    found = {key: _read(key, values[key], read, where) for key, read in _readers(joints).items() if key in values}
    limbs = found.pop('limbs', None)
    joint_set = replace(infer(title, joints), name=title, **found)
    if limbs is not None:
        # A limb without a part belongs to a side, which follows from what else is known of the joints.
        joint_set = replace(joint_set, limbs=tuple(
            limb if len(limb) == 3 else (*limb, side_of(joint_set, *limb)) for limb in limbs))
    if len(json.dumps(to_table(joint_set))) > MAX_CHARACTERS:
        raise InputError(f'{where}: written out, the table has more than {MAX_CHARACTERS:,} characters')
    check_name(joint_set, f'{where}: ')
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
