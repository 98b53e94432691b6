"""Reading JSON and YAML files; nothing in them is executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hourglass.errors import InputError

_MAX_BYTES = 1_000_000


def read_values(path: Path, what: str) -> Any:
    """Read a JSON file, or one of YAML if its name ends with ``.yaml`` or ``.yml``.

    Args:
        path: the file.
        what: what it should hold, for a message.

    Raises:
        InputError: it is missing, too large, or neither.
    """
    try:
        with path.open('rb') as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise InputError(f'{path}: more than {_MAX_BYTES:,} bytes, too many for a {what}')
        # UTF-8 or UTF-16, with or without a byte-order mark.
        text = content.decode(json.detect_encoding(content))
        if path.suffix.lower() not in ('.yaml', '.yml'):
            return json.loads(text)
    except OSError as error:
        raise InputError(f'{path}: {error.strerror or error}') from None
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: not a JSON file ({error})') from None
    import yaml  # type: ignore[import-untyped,unused-ignore]

    class NoAliases(yaml.SafeLoader):
        """A safe loader for which an alias is a mistake: a few lines of them stand for any number of values."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError(f'aliases such as *{self.peek_event().anchor} are not read')
            return super().compose_node(parent, index)

    try:
        return yaml.load(text, NoAliases)
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f'{path}: not a YAML file ({" ".join(str(error).split())})') from None
