"""/metrics: what Prometheus sees."""

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.families.imaging import png
from tests.drawing import draw_digit


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
    for labels in (("POST", "/predict/digit", "200"), ("GET", "/jobs/{job}", "404"), ("GET", "none", "404")):
        sample = ("fitserve_requests_total", *labels)
        assert after[sample] == before.get(sample, 0) + 1, sample
    for stage in ("decode", "queue", "predict"):
        assert after["fitserve_stage_seconds_count", stage] == before["fitserve_stage_seconds_count", stage] + 1
    by_version = ("fitserve_version_seconds_count", "digit", "1")
    assert after[by_version] == before[by_version] + 1
    assert after[("fitserve_batch_size_count",)] == before[("fitserve_batch_size_count",)] + 1


def test_versions_queues_and_jobs_are_as_they_stand(client: TestClient):
    now = seen(client)
    assert now["fitserve_live_version", "digit"] == 1
    assert now["fitserve_queue_depth", "lstm"] == 0
    assert now["fitserve_jobs", "queued"] == now["fitserve_jobs", "running"] == 0
