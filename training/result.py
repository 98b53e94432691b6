"""The result of a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.preparation import Validation
from training.watch import BEST_EPOCH, BEST_SCORE, SCORE

from chainer.training import Trainer


@dataclass(frozen=True)
class TrainResult:
    """The result of a training: files and score.

    Attributes:
        out: folder with all files.
        model: weights after the last epoch.
        best: weights with the best validation score; ``None`` without validation, or if a training that was resumed in
            another folder has found no better weights.
        score: validation score of the best weights, from 0 to 1; ``None`` without validation.
        log: one entry for each epoch, as in the file ``log``.
    """

    out: Path
    model: Path
    best: Path | None
    score: float | None
    log: list[dict[str, Any]]

    @classmethod
    def of_trainer(cls, trainer: Trainer, out: Path) -> TrainResult:
        log = trainer.get_extension('LogReport').log
        score, best = log[-1].get(BEST_SCORE) if log else None, out / 'best.npz'
        return cls(out, out / 'model.npz', best if score is not None and best.exists() else None, score, log)

    def summary(self, validation: Validation | None) -> str:
        """Return one line: how good the weights are, and where."""
        if not self.log:
            return f'the weights: {self.model}'
        last = self.log[-1]
        if validation is None or SCORE not in last:
            return f'loss {last["main/loss"]:.4g} after epoch {last["epoch"]}: {self.model}'
        text = f'{validation.title} {last[SCORE]:.3f} after epoch {last["epoch"]}: {self.model}'
        if self.best is None:
            return text
        return f'{text}; the best, {self.score:.3f} after epoch {last[BEST_EPOCH]:.0f}: {self.best}'
