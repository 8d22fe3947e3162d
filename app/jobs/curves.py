"""The curves of a training: the figures of every epoch, from the journal, as rows and as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from app.jobs.job import Event
from app.jobs.journal import Journal

KINDS = ("epoch", "resumed")
LIMIT = 100_000


def curves_of(journal: Journal, job: str) -> list[dict[str, Any]]:
    """A row for each epoch that was checkpointed, in order; raises NotFound.

    An attempt that was killed between a checkpoint and its event is made good by the next one, which says where it
    resumed.
    """
    journal.get(job)
    return rows_of(journal.events(job, limit=LIMIT, kinds=KINDS))


def rows_of(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The rows that these events of a job tell, of the kinds above."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for event in events:
        if event.kind not in KINDS:
            continue
        row = event.data["row"] if event.kind == "resumed" else event.data
        if row is None:  # resumed within the first epoch
            continue
        kept = {name: value for name, value in row.items() if name not in ("progress", "metrics")}
        rows[row["phase"], row["epoch"]] = kept
    return list(rows.values())


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """The rows with a header line."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
