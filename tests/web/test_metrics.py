"""/metrics: what Prometheus sees."""

import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.families.imaging import png
from app.jobs.job import Job, NewJob, Status, now
from app.jobs.journal import Journal
from app.settings import Settings
from app.web.routes.metrics import trainer_metrics
from tests.drawing import draw_digit

BUSY = "import time\nwhile time.process_time() < 0.1: pass\nprint(flush=True)\ntime.sleep(60)"


def seen(client: TestClient) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_requests_are_counted_under_their_route(client: TestClient):
    before = seen(client)
    client.post("/predict/digit", files={"file": png(draw_digit(7, 200))})
    client.get("/jobs/some-id")
    client.get("/no/such/path")
    after = seen(client)
    for labels in (("POST", "/predict/{model}", "200"), ("GET", "/jobs/{job}", "404"), ("GET", "none", "404")):
        sample = ("fitserve_requests_total", *labels)
        assert after[sample] == before.get(sample, 0) + 1, sample
    for stage in ("decode", "queue", "predict"):
        assert (
            after["fitserve_stage_duration_seconds_count", stage]
            == before["fitserve_stage_duration_seconds_count", stage] + 1
        )
    by_version = ("fitserve_inference_duration_seconds_count", "digit", "1")
    assert after[by_version] == before[by_version] + 1
    assert after[("fitserve_batch_size_count",)] == before[("fitserve_batch_size_count",)] + 1


def test_versions_queues_and_jobs_are_as_they_stand(unchanged: TestClient):
    stands = seen(unchanged)
    assert stands["fitserve_live_version", "digit"] == 1
    assert stands["fitserve_queue_depth", "lstm"] == 0
    assert stands["fitserve_jobs", "queued"] == stands["fitserve_jobs", "running"] == 0
    assert stands["fitserve_versions", "gru"] == 1
    assert stands["fitserve_load_duration_seconds_count", "digit"] >= 1
    assert stands[("fitserve_store_free_bytes",)] > 0


def test_jobs_are_counted_by_how_they_ended(client: TestClient, settings: Settings):
    assert seen(client)["fitserve_jobs_ended_total", "cancelled"] == 0
    journal = Journal(settings.journal_url).open()
    job, _ = journal.submit(NewJob(family="digit", model="digit", hyperparameters={}), 10)
    journal.cancel(job.id)
    journal.close()
    assert seen(client)["fitserve_jobs_ended_total", "cancelled"] == 1


def test_what_trainers_take_is_summed_by_model():
    job = Job(id="a", family="tiny", model="tiny", hyperparameters={}, status=Status.RUNNING, created=now())
    with (
        subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as first,
        subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as second,
    ):
        for process in (first, second):
            assert process.stdout
            process.stdout.readline()
        running = told(job, first.pid, second.pid)
        first.kill()
        second.kill()
    assert running["fitserve_trainers"] == 2
    assert running["fitserve_trainer_memory_bytes"] > 10e6
    ended = told(job)
    assert "fitserve_trainers" not in ended
    assert ended["fitserve_trainer_cpu_seconds_total"] >= running["fitserve_trainer_cpu_seconds_total"] > 0


def told(job: Job, *pids: int) -> dict[str, float]:
    metrics = trainer_metrics([(job, pid) for pid in pids])
    return {sample.name: sample.value for metric in metrics for sample in metric.samples}
