"""The figures of every epoch as TensorBoard reads them, written without TensorBoard installed."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from app.training.training_loop import Report


class TensorBoardReport:
    """Passes every report on, and writes the figures of epochs into a folder for TensorBoard."""

    def __init__(self, report: Report, folder: Path) -> None:
        self._report = report
        # `tf.summary` asks for the tensorboard package; the operations underneath it do not.
        self._writer = tf.raw_ops.SummaryWriter()
        tf.raw_ops.CreateSummaryFileWriter(
            writer=self._writer, logdir=str(folder), max_queue=1, flush_millis=1000, filename_suffix=""
        )
        self._epochs = 0

    def __call__(self, kind: str, **facts: Any) -> None:
        """Report; may raise what the other raises."""
        if kind == "epoch":
            self._epochs += 1
            for name, value in facts["metrics"].items():
                tf.raw_ops.WriteScalarSummary(
                    writer=self._writer, step=self._epochs, tag=f"{facts['phase']}/{name}", value=float(value)
                )
            tf.raw_ops.FlushSummaryWriter(writer=self._writer)
        self._report(kind, **facts)
