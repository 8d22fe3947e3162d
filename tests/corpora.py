"""Corpora that tests learn from, and the versions they make of them."""

import os
from pathlib import Path

from app.datasets.datasets import Datasets
from app.families.catalog import find_families
from app.jobs.journal import Journal
from app.jobs.launchers.local import LocalLauncher
from app.settings import Settings
from app.store.model_store import ModelStore
from app.submission.training import submit

THREE_LINES = """나는 오늘 아침에 산책을 했다
나는 오늘 친구와 맛있는 점심을 먹었다
너는 어제 집에서 조용히 책을 읽었다"""


def train_all_cells(store: Path, text: str = THREE_LINES, **hyperparameters: object) -> list[float]:
    """Train a version of each cell as `POST /train/text` does; returns the CPU seconds of each job."""
    settings = Settings(store=store, offline=True)
    journal = Journal(settings.journal_url).open()
    datasets = Datasets(None, offline=True, uploads=ModelStore(store).corpora)
    wishes = {"cell": "all", "text": text, "units": 32, "epochs": 10, **hyperparameters}
    submit(
        find_families()["text"],
        wishes,
        "if_better",
        store=ModelStore(store),
        journal=journal,
        datasets=datasets,
        max_queued=3,
        max_models=1,
    )
    seconds = []
    while job := journal.claim(60):
        before = os.times()
        trainer = LocalLauncher(settings.workspace, settings.environment()).launch(job)
        code = trainer._process.wait(240)
        ended = journal.get(job.id)
        assert code == 0, trainer.log_tail()
        assert ended.result, ended.error
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    journal.close()
    return seconds
