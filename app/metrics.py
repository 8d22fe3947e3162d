"""What is counted and timed, for Prometheus; each process counts for itself."""

from prometheus_client import Counter, Histogram, disable_created_metrics

# the moments at which each began to be counted would be as many series again
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter("fitserve_requests", "Requests answered.", ("method", "route", "status"))
request_duration = Histogram(
    "fitserve_request_duration_seconds",
    "From the head of a request to the end of its answer.",
    ("route",),
    buckets=SECONDS,
)
batch_size = Histogram("fitserve_batch_size", "Instances predicted together.", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
stage_duration = Histogram(
    "fitserve_stage_duration_seconds", "A prediction's stages: decode, queue, predict.", ("stage",), buckets=SECONDS
)
inference_duration = Histogram(
    "fitserve_inference_duration_seconds",
    "From the arrival of an instance to its output, or of a text to its last word, by version.",
    ("model", "version"),
    buckets=SECONDS,
)
load_duration = Histogram(
    "fitserve_load_duration_seconds", "Checking, loading and warming up a version.", ("model",), buckets=SECONDS
)
shadow_comparisons = Counter(
    "fitserve_shadow_comparisons",
    "Instances answered while another version was in the shadow, by whether both gave the same label.",
    ("model", "version", "shadow", "outcome"),
)
decode_duration, queue_duration, predict_duration = (
    stage_duration.labels(stage) for stage in ("decode", "queue", "predict")
)
