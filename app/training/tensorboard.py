"""The figures of every epoch as TensorBoard reads them."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from app.training.trainer import Report


class TensorBoardReport:
    """Passes every report on, and writes the figures of epochs into a folder for TensorBoard."""

    def __init__(self, report: Report, folder: Path) -> None:
        self._report = report
        self._writer = tf.summary.create_file_writer(str(folder))
        self._epochs = 0

    def __call__(self, kind: str, **facts: Any) -> None:
        """Report; may raise what the other raises."""
        if kind == "epoch":
            self._epochs += 1
            with self._writer.as_default(step=self._epochs):
                for name, value in facts["metrics"].items():
                    tf.summary.scalar(f"{facts['phase']}/{name}", value)
            self._writer.flush()
        self._report(kind, **facts)
