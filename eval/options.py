"""The command line of ``eval.py``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from hourglass.config import add_options
from hourglass.errors import ArgumentParser, run

if TYPE_CHECKING:
    from eval.config import EvalConfig

_DESCRIPTION = """\
Score a network on an annotated data set, or score a file of predictions.

Prints the rate of correct joints: PCKh@0.5 on MPII, PCK on other sets; on COCO
OKS, too. Without options, it scores the published weights on MPII's validation
images."""


def parse_config(arguments: Sequence[str] | None = None) -> EvalConfig:
    """Read the options of an evaluation, by default those of the process; ``InputError`` if one is wrong."""
    # Only here: without Chainer, the import is an error that run() reports on one line.
    from eval.config import GROUPS, EvalConfig

    parser = ArgumentParser(usage='%(prog)s [options]', description=_DESCRIPTION)
    add_options(parser, EvalConfig, GROUPS)
    return EvalConfig(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Run the command line."""
    from eval.comparison import compare
    from eval.evaluation import evaluate

    config = parse_config()
    # Standard output holds a file alone if one is written there.
    out = sys.stderr if '-' in (config.json, config.csv) else sys.stdout
    if config.is_comparison:
        config.check_files()
        comparison = compare(config.compare)
        print(comparison.text(), file=out)
        if config.json:
            comparison.save_json(config.json)
        if config.plot:
            comparison.plot(config.plot)
        return
    result = evaluate(config)
    print(result.text(), file=out)
    if config.compare:
        print(f'\n{result.compare(config.compare).text()}', file=out)


#: What ``eval.py`` and ``hourglass-eval`` call.
evaluation = partial(run, main)
