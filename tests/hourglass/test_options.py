from __future__ import annotations

from typing import Any

from hourglass.errors import InputError
from hourglass.options import DrawingConfig, PredictorConfig

import pytest


@pytest.mark.parametrize(('kind', 'values', 'reason'), [
    (PredictorConfig, {'engine': 'openvino', 'gpu': 0}, '--engine openvino runs on the CPU'),
    (PredictorConfig, {'model': 'a', 'snapshot': 'b'}, '--model and --snapshot exclude each other'),
    (PredictorConfig, {'gpu': -2}, '--gpu must'),
    (DrawingConfig, {'threshold': 1.5}, '--threshold must'),
])
def test_values_that_make_no_sense_are_refused(kind: type, values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        kind(**values)
