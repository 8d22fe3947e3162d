"""What one loaded version has predicted since it was loaded: how many, in which batches, and how long it took."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Statistics:
    """Instances and batches counted, times summed in seconds; `batches` and `batch_seconds` are by the batch's size."""

    succeeded: int = 0
    succeeded_seconds: float = 0.0
    failed: int = 0
    failed_seconds: float = 0.0
    queue_seconds: float = 0.0
    predict_seconds: float = 0.0
    last: float = 0.0  # seconds since the epoch, 0 when there was none
    batches: Counter[int] = field(default_factory=Counter)
    batch_seconds: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))

    def record(self, arrivals: Iterable[float], taken: float, now: float, *, failed: bool) -> None:
        """Count a batch, by the times at which its instances arrived, at which it began, and at which it ended."""
        waits = [taken - since for since in arrivals]
        total = sum(waits) + len(waits) * (now - taken)
        self.last = time.time()
        if failed:
            self.failed += len(waits)
            self.failed_seconds += total
            return
        self.succeeded += len(waits)
        self.succeeded_seconds += total
        self.queue_seconds += sum(waits)
        self.predict_seconds += len(waits) * (now - taken)
        self.batches[len(waits)] += 1
        self.batch_seconds[len(waits)] += now - taken
