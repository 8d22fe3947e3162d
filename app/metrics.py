"""What is counted and timed, for Prometheus; each process counts for itself."""

from prometheus_client import Counter, Histogram, disable_created_metrics

# the moments at which each began to be counted would be as many series again
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter("fitserve_requests", "Requests answered.", ("method", "route", "status"))
request_seconds = Histogram(
    "fitserve_request_seconds", "From the head of a request to the end of its answer.", ("route",), buckets=SECONDS
)
batch_size = Histogram("fitserve_batch_size", "Instances predicted together.", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
stage_seconds = Histogram(
    "fitserve_stage_seconds", "A prediction's stages: decode, queue, predict.", ("stage",), buckets=SECONDS
)
version_seconds = Histogram(
    "fitserve_version_seconds",
    "From the arrival of an instance to its output, or of a text to its last word, by version.",
    ("model", "version"),
    buckets=SECONDS,
)
load_seconds = Histogram(
    "fitserve_load_seconds", "Checking, loading and warming up a version.", ("model",), buckets=SECONDS
)
shadow = Counter(
    "fitserve_shadow",
    "Instances answered while another version was in the shadow, by whether both gave the same label.",
    ("model", "version", "shadow", "outcome"),
)
decode_seconds, queue_seconds, predict_seconds = (
    stage_seconds.labels(stage) for stage in ("decode", "queue", "predict")
)
