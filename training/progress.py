"""A progress bar for Chainer's trainer."""

from __future__ import annotations

import sys

from training.watch import BEST_SCORE, SCORE

from chainer.training import Extension, Trainer
from tqdm import tqdm

#: Results of an epoch that are shown, and their titles.
_SHOWN = {'main/loss': 'loss', SCORE: 'score', BEST_SCORE: 'best'}


class ProgressBar(Extension):
    """Show progress, images per second, remaining time and loss; one line of results remains for each epoch.

    Args:
        n_samples: images in an epoch.
        epochs: length of the training.
    """

    # After the log, whose results the line shows.
    priority = -100

    def __init__(self, n_samples: int, epochs: int) -> None:
        self.n_samples = n_samples
        self.epochs = epochs
        self._bar: tqdm | None = None
        self._last_logged = 0

    def initialize(self, trainer: Trainer) -> None:
        # A terminal is refreshed several times a second, a log file every half minute.
        interval = 0.3 if sys.stderr.isatty() else 30
        self._last_logged = len(trainer.get_extension('LogReport').log)
        self._bar = tqdm(total=self.n_samples * self.epochs, initial=self._samples_done(trainer), unit='img',
                         dynamic_ncols=True, mininterval=interval)

    def _samples_done(self, trainer: Trainer) -> int:
        # The last batch may reach into the next epoch.
        return min(round(trainer.updater.epoch_detail * self.n_samples), self.n_samples * self.epochs)

    def __call__(self, trainer: Trainer) -> None:
        assert self._bar is not None
        loss = trainer.observation.get('main/loss')
        if loss is not None and trainer.updater.iteration % 10 == 0:
            self._bar.set_postfix_str(f'loss {float(getattr(loss, "array", loss)):.2f}', refresh=False)
        self._bar.update(self._samples_done(trainer) - self._bar.n)
        log = trainer.get_extension('LogReport').log
        if len(log) > self._last_logged:
            self._last_logged = len(log)
            entry = log[-1]
            results = '  '.join(f'{title} {entry[key]:.4g}' for key, title in _SHOWN.items() if key in entry)
            self._bar.write(f'epoch {entry["epoch"]:>3}  lr {entry["lr"]:.2e}  {results}', file=sys.stderr)

    def finalize(self) -> None:
        if self._bar is not None:
            self._bar.close()
