from __future__ import annotations

from typing import Any

from hourglass.errors import InputError
from hourglass.options import DrawingConfig, PredictorConfig

import pytest


@pytest.mark.parametrize(('kind', 'values', 'reason'), [
    (PredictorConfig, {'engine': 'openvino', 'gpu': 0}, '--engine openvino runs on the CPU'),
    (PredictorConfig, {'precision': 'f64'}, '--precision must be one of f32'),
    (PredictorConfig, {'model': 'a', 'snapshot': 'b'}, '--model and --snapshot exclude each other'),
    (PredictorConfig, {'model': ''}, '--model must'),
    (PredictorConfig, {'gpu': -2}, '--gpu must'),
    (PredictorConfig, {'gpu': 'x'}, '--gpu must'),
    (DrawingConfig, {'line_width': 0}, '--line-width must'),
    (DrawingConfig, {'line_width': 1001}, '--line-width must'),
    (DrawingConfig, {'threshold': 1.5}, '--threshold must'),
    (DrawingConfig, {'threshold': float('nan')}, '--threshold must'),
])
def test_values_that_make_no_sense_are_refused(kind: type, values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        kind(**values)
