from __future__ import annotations

import argparse

from hourglass.errors import ArgumentParser, InputError
from hourglass.options import (
    add_drawing_options,
    add_predictor_options,
    check_drawing_options,
    check_predictor_options,
)

import pytest


def test_what_is_asked_of_a_predictor() -> None:
    parser = ArgumentParser()
    add_predictor_options(parser.add_argument_group('network'), batchsize=8)
    options = parser.parse_args([])
    assert vars(options) == {'model': None, 'snapshot': None, 'flip': False, 'batchsize': 8, 'gpu': -1,
                             'engine': 'auto', 'precision': 'f32'}
    check_predictor_options(options)
    for values, reason in (({'engine': 'openvino', 'gpu': 0}, '--engine openvino runs on the CPU'),
                           ({'batchsize': 0}, '--batchsize must')):
        with pytest.raises(InputError, match=reason):
            check_predictor_options(argparse.Namespace(**{**vars(options), **values}))
    for arguments in (['--precision', 'f64'], ['--model', 'a', '--snapshot', 'b']):
        with pytest.raises(InputError, match=arguments[-2]):
            parser.parse_args(arguments)


def test_one_batch_size_where_nothing_is_asked() -> None:
    parser = ArgumentParser()
    add_predictor_options(parser)
    check_predictor_options(parser.parse_args([]))
    with pytest.raises(InputError, match='--batchsize'):
        parser.parse_args(['--batchsize', '2'])


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--line-width', '0'], '--line-width must'), (['--line-width', '1001'], '--line-width must'),
    (['--threshold', '1.5'], '--threshold must'), (['--threshold', 'nan'], '--threshold must'),
])
def test_what_nothing_can_be_drawn_with(arguments: list[str], reason: str) -> None:
    parser = ArgumentParser()
    add_drawing_options(parser, 'some')
    check_drawing_options(parser.parse_args([]))
    with pytest.raises(InputError, match=reason):
        check_drawing_options(parser.parse_args(arguments))
