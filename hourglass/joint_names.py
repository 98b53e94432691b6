"""Facts that follow from the names of joints: sides, mirror pairs, limbs, and standard names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hourglass.joints import COCO, JOINT_SETS, LSP, MPII, MPII_COCO, JointSet

_SIDES = {'l': 'left', 'left': 'left', 'r': 'right', 'right': 'right'}


def clean(name: str) -> str:
    """Return a name with single spaces in place of underscores."""
    return ' '.join(name.replace('_', ' ').split())


def standard_name(joint: str) -> str:
    """Return a joint's name as the built-in sets write it.

    ``LeftEye``, ``l_eye``, ``eye-left`` and ``LEye`` are all *left eye*.
    """
    spaced = re.sub(r'(?<=[a-z])(?=[A-Z])|(?<=\b[LR])(?=[A-Z][a-z])', ' ', clean(joint))
    words = re.split(r'[\s.-]+', spaced.lower())
    sides = [word for word in words if word in _SIDES]
    if len(sides) != 1 or len(words) == 1:
        return ' '.join(words)
    words.remove(sides[0])
    return ' '.join([_SIDES[sides[0]], *words])


def _without_side(name: str) -> str:
    return name.removeprefix('left ').removeprefix('right ')


def infer(name: str, joints: Sequence[str], limbs: Sequence[tuple[str, str]] | None = None) -> JointSet:
    """Make a joint set from names alone; the names of a built-in set in its order give that set.

    Args:
        name: of the set; the name of a built-in set is changed.
        joints: cleaned names, each once.
        limbs: pairs of joints; by default the limbs of a built-in set, as far as it has the joints.
    """
    for known in JOINT_SETS.values():
        if known.joints == tuple(joints):
            return known
    standard = {joint: standard_name(joint) for joint in joints}
    counts = [*standard.values(), *(joint for joint in joints if standard[joint] != joint)]
    # A name that two joints would have stands for neither.
    unique = {joint: other for joint, other in standard.items() if counts.count(other) == 1}
    by_name = {other: joint for joint, other in unique.items()}
    pairs = tuple((by_name[other], by_name['right ' + _without_side(other)]) for other in by_name
                  if other.startswith('left ') and 'right ' + _without_side(other) in by_name)
    groups: dict[str, tuple[str, ...]] = {}
    for joint in joints:
        title = _without_side(unique.get(joint, joint))
        if title != 'total':  # as the sum of all is called
            title = title[:1].upper() + title[1:]
        groups[title] = (*groups.get(title, ()), joint)
    same_as = {joint: other for joint, other in unique.items() if other != joint}
    base = JointSet(f'own {name}' if name in JOINT_SETS else name, tuple(joints), (), groups, pairs=pairs,
                    same_as=same_as)
    if limbs is not None:
        return replace(base, limbs=tuple((a, b, side_of(base, a, b)) for a, b in limbs))
    names, places = base.joints, base.places
    found = [tuple((names[places[a]], names[places[b]], part) for a, b, part in known.limbs
                   if a in places and b in places) for known in (LSP, COCO, MPII_COCO, MPII)]
    return replace(base, limbs=sorted(found, key=len)[-1])


def side_of(joint_set: JointSet, *joints: str) -> str:
    """Return the part of the body that a limb without one belongs to: ``left``, ``right`` or ``middle``."""
    names = [joint_set.same_as.get(joint, joint) for joint in joints]
    sides = {side for side in ('left', 'right') if any(name.startswith(f'{side} ') for name in names)}
    return sides.pop() if len(sides) == 1 else 'middle'
