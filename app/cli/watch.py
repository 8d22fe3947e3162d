"""A job on the terminal: its events as a progress bar and lines."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TimeRemainingColumn

from app.cli.terminal import PlainColumn, styled
from app.jobs.job import Event, Job, Status
from app.jobs.journal import Journal

LOOK_SECONDS = 0.2
COLUMNS = (
    PlainColumn("{task.description}"),
    BarColumn(),
    PlainColumn("{task.percentage:>3.0f} %"),
    PlainColumn("{task.fields[figures]}"),
    TimeRemainingColumn(),
)


def follow(
    console: Console, journal: Journal, job: Job, unit: str, step: Callable[[], None], interrupted: Callable[[], None]
) -> Job:
    """Draw a job's events until it has ended, calling `step` at every look and `interrupted` at Ctrl-C."""
    seen = 0
    with Progress(*COLUMNS, console=console) as bar:
        task = bar.add_task("waiting", total=1.0, figures="")
        while True:
            try:
                step()
                ended = journal.get(job.id)
                events = journal.events(job.id, seen)
                for event in events:
                    seen = event.id
                    _draw(bar, task, event, unit)
                bar.update(task, description=ended.phase or ended.status, completed=ended.progress)
                if ended.status.terminal and not events:
                    return ended
                time.sleep(LOOK_SECONDS)
            except KeyboardInterrupt:
                interrupted()


def print_result(console: Console, job: Job) -> bool:
    """How the job ended; returns whether it succeeded."""
    if job.status is Status.SUCCEEDED and job.result:
        figures = " · ".join(f"{name} {value:.4f}" for name, value in job.metrics.items())
        live = "live now" if job.result["promoted"] else "not live"
        if diverged := job.result.get("diverged"):
            console.print(styled("diverged", "red"), f": {diverged}", sep="")
        name = styled(f"{job.model} {job.result['version']}", "bold")
        console.print(name, f"· {figures} · {live}: {job.result['reason']}")
        return True
    console.print(styled(job.status, "red"), job.error or "")
    return False


def _draw(bar: Progress, task: Any, event: Event, unit: str) -> None:
    """One event, as figures in the bar or a line above it."""
    data = event.data
    if "features" in data:
        bar.update(task, figures=f"frozen layers: {data['features']:.0%} of the examples")
    elif event.kind == "progress":
        figures = " ".join(f"{name} {value:.4f}" for name, value in sorted(data["metrics"].items(), reverse=True))
        bar.update(task, figures=f"epoch {data['epoch']} · {figures} · {data['examples_per_second']:.0f} {unit}")
    elif event.kind == "epoch":
        figures = " · ".join(f"{name} {value:.4f}" for name, value in sorted(data["metrics"].items(), reverse=True))
        bar.console.print(f"epoch {data['epoch']:>3} · {figures} · {data['seconds']:.1f} s")
    elif "text" in data:
        bar.console.print(data["text"])
