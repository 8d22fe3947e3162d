"""What can be set from outside: FITSERVE_* in the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.addresses import parse_hosts, parse_networks, parse_origins
from app.errors import InvalidRequest
from app.paths import JOBS, Bucket, cache_folder, parse_store, state_folder

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Store = Annotated[Path | Bucket, NoDecode, BeforeValidator(parse_store)]


def valid_gpu_count(number: float) -> float:
    """A number that is at most 1 or whole, as Ray shares GPUs; raises ValueError."""
    if number > 1 and number % 1:
        raise ValueError("a fraction of one GPU or a whole number of GPUs is expected")
    return number


def validated_by(parse: Callable[[str | None], object]) -> Callable[[str | None], str | None]:
    """Lets a text through as it is when it can be parsed; raises ValueError."""

    def check(text: str | None) -> str | None:
        parse(text)
        return text

    return check


STARTERS = Path(__file__).resolve().parent.parent / "models_store"


class Settings(BaseSettings):
    """Validated when it is made; docs/operations.md documents each name."""

    model_config = SettingsConfigDict(env_prefix="FITSERVE_", frozen=True)

    host: str = Field("127.0.0.1", description="Address that the service listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the service listens on; 0 picks a free one.")

    api_keys_file: Path | None = Field(
        None, description="File with the hashes of the API keys; without it only clients on this machine are served."
    )
    allow_unauthenticated: bool = Field(
        False, description="Serve all clients without keys; use only behind a gateway that controls access."
    )
    allowed_hosts: Annotated[str | None, AfterValidator(validated_by(parse_hosts))] = Field(
        None,
        description="Host names, comma-separated, accepted besides localhost; with keys any by default.",
    )
    cors_origins: Annotated[str | None, AfterValidator(validated_by(parse_origins))] = Field(
        None, description="Origins, comma-separated, whose pages may call the service."
    )
    trusted_proxies: Annotated[str | None, AfterValidator(validated_by(parse_networks))] = Field(
        None, description="Addresses and networks, comma-separated, of proxies whose X-Forwarded-For is trusted."
    )

    store: Store = Field(Path("models_store"), description="Folder of the trained versions, or s3://BUCKET/PREFIX.")
    store_timeout_seconds: Seconds = Field(10, description="Timeout of one call to the bucket.")
    store_retry_seconds: float = Field(
        120, ge=0, description="How long a trainer retries a bucket that is not available before its job fails."
    )
    cache: Path | None = Field(
        None, description="Folder of the versions fetched from a bucket; by default the system's cache folder."
    )
    max_cache_bytes: int = Field(
        10_000_000_000,
        ge=0,
        description="Maximum size of the fetched versions; the least recently used are removed first.",
    )
    keep_versions: int = Field(
        0, ge=0, description="Number of newest versions of a model to keep, besides those in use; 0 keeps all."
    )
    starters: Path = Field(
        STARTERS, description="Folder of starter models; version 1 of each is copied into a store that lacks the model."
    )
    journal: str | None = Field(
        None, description="SQLAlchemy URL of the journal database; by default SQLite in the store."
    )
    journal_connections: Positive = Field(10, description="Maximum number of connections of one process to PostgreSQL.")
    data_dir: Path | None = Field(None, description="Folder that is searched first for data sets.")
    offline: bool = Field(False, description="Never download data sets.")

    max_body_bytes: Positive = Field(20_000_000, description="Maximum size of a request body in bytes.")
    max_json_bytes: Positive = Field(1_000_000, description="Maximum size of a JSON body without text or picture.")
    max_tensor_bytes: Positive = Field(32_000_000, description="Maximum size of a JSON body with tensors.")
    request_timeout_seconds: Seconds = Field(
        60, description="Time limit for receiving a request and starting its response."
    )
    header_timeout_seconds: Seconds = Field(10, description="Time limit for receiving the request headers.")
    max_header_bytes: Positive = Field(
        65_536, description="Maximum size of the request headers in bytes; larger ones get 431."
    )
    max_header_fields: Positive = Field(100, description="Maximum number of header fields of a request; more get 431.")
    max_pipelined: Positive = Field(64, description="Maximum number of pipelined requests waiting on one connection.")
    max_discard_bytes: int = Field(
        300_000_000, ge=0, description="Bytes read and discarded of a request that was answered before it was complete."
    )
    discard_timeout_seconds: Seconds = Field(
        30, description="Time limit for the rest of such a request before its connection is closed."
    )
    graceful_shutdown_seconds: Positive = Field(10, description="How long running requests may continue after SIGTERM.")
    shutdown_delay_seconds: float = Field(
        0, ge=0, description="How long to accept new requests after SIGTERM while not ready."
    )
    max_rate: float = Field(0, ge=0, description="Requests per second for each key or address; 0 means no limit.")
    max_concurrent: Positive = Field(512, description="Concurrent requests for each key or address.")
    max_requests: Positive = Field(1024, description="Concurrent requests of all clients; more get 503.")
    max_connections: Positive = Field(2048, description="Maximum open connections; further ones get 503.")
    max_inflight_bytes: Positive = Field(
        500_000_000, description="Maximum bytes of all large bodies in flight; more get 503."
    )
    max_pixels: Positive = Field(
        64_000_000,
        description="Maximum pixels of a picture, by its header; four times that for a JPEG decoded at reduced size.",
    )
    max_corpus_bytes: Positive = Field(50_000_000, description="Maximum size of an uploaded training text.")
    max_import_bytes: Positive = Field(200_000_000, description="Maximum size of an imported network file.")
    import_timeout_seconds: Seconds = Field(300, description="Time limit for reading and testing an imported network.")
    max_import_memory_bytes: Positive = Field(
        2_000_000_000, description="Memory limit of a process that runs an imported network, besides its libraries."
    )
    max_files: Positive = Field(64, description="Maximum number of parts of a form, so of pictures in a batch request.")
    max_queue_size: Positive = Field(256, description="Maximum number of instances in a model's queue; more get 429.")
    max_batch: Positive = Field(32, description="Maximum batch size.")
    max_loaded: Positive = Field(2, description="Maximum number of versions of a model in memory besides the live one.")
    crop: Literal["centre", "whole"] = Field(
        "centre",
        description="Part of a non-square photograph to use: the square centre, or the whole, resized.",
    )
    store_poll_seconds: Seconds = Field(0.5, description="Interval for checking the store for alias changes.")
    prediction_timeout_seconds: Seconds = Field(
        10, description="Time limit of a batch; a version that exceeds it is withdrawn."
    )
    predict_threads: Positive = Field(1, description="Threads of one prediction.")
    runtime: Literal["auto", "onnxruntime", "tensorflow"] = Field(
        "auto", description="Runtime of predictions; auto: TensorFlow if it can use an NVIDIA GPU, else ONNX Runtime."
    )
    gpu_memory_mb: int = Field(0, ge=0, description="GPU memory limit of serving in MB; 0 allocates as needed.")

    launcher: Literal["local", "ray"] = Field(
        "local", description="Where trainers run: on this machine, or on the Ray cluster named by RAY_ADDRESS."
    )
    run_supervisor: bool = Field(
        True, description="Start and monitor trainers; if false, other processes on the same journal do."
    )
    max_trainers: Positive = Field(1, description="Maximum number of trainers at once.")
    max_queued: Positive = Field(100, description="Maximum number of queued jobs; more get 429.")
    max_models: Positive = Field(
        100, description="Maximum models that users named; more are rejected with 409. Each live version is in memory."
    )
    max_trials: Positive = Field(200, description="Maximum number of trials of a sweep; more get 422.")
    max_attempts: Positive = Field(3, description="Attempts at a job whose trainer was lost before it fails.")
    lease_seconds: Seconds = Field(
        30, description="Time without a heartbeat after which a trainer is considered lost and its job is requeued."
    )
    leader_lease_seconds: Seconds = Field(
        5, description="Time without a heartbeat after which another process becomes the leader."
    )
    termination_grace_seconds: Seconds = Field(5, description="How long a trainer may take to stop by itself.")
    job_poll_seconds: Seconds = Field(0.5, description="Interval at which the supervisor checks its jobs.")
    event_poll_seconds: Seconds = Field(
        0.25, description="Interval for polling the journal while clients follow a job."
    )
    progress_interval_seconds: Seconds = Field(
        0.25, description="Interval at which a trainer reports progress and checks for pause and cancel."
    )
    tensorboard: bool = Field(False, description="Write TensorBoard logs into each job's folder.")
    progress_days: Seconds = Field(7, description="Days to keep the progress events of an ended job.")
    log_days: Seconds = Field(90, description="Days to keep the log of an ended job.")
    checkpoint_interval_seconds: Seconds = Field(300, description="Maximum age of a checkpoint within an epoch.")
    trainer_nice: int = Field(10, ge=0, le=19, description="Niceness of trainers, so that serving has priority.")
    feature_cache: Path | None = Field(
        None, description="Folder of the feature cache, which holds the frozen layers' output; by default in the store."
    )
    max_feature_cache_bytes: int = Field(
        4_000_000_000,
        ge=0,
        description="Maximum size of the feature cache; the least recently used is removed first, 0 disables it.",
    )
    feature_cache_days: Positive = Field(14, description="Days to keep an unused entry of the feature cache.")
    trainer_threads: int = Field(0, ge=0, description="Threads of a trainer; 0 means one for each core, on Ray one.")
    trainer_gpus: Annotated[float, AfterValidator(valid_gpu_count)] = Field(
        0, ge=0, description="GPUs that Ray reserves for a trainer: a fraction of one, or a whole number."
    )
    trainer_memory_bytes: int = Field(0, ge=0, description="Memory that Ray reserves for a trainer; 0 reserves none.")

    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Minimum log level.")
    log_format: Literal["json", "console"] | None = Field(
        None, description="Log format, JSON or console; by default console on a terminal, else JSON."
    )

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may call the service."""
        return parse_origins(self.cors_origins)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that the service is asked by, beside this machine's own."""
        return parse_hosts(self.allowed_hosts)

    @property
    def proxies(self) -> tuple[str, ...]:
        """The networks of the proxies that are believed when they say for whom they ask."""
        return parse_networks(self.trusted_proxies)

    @property
    def log_form(self) -> Literal["json", "console"]:
        """The form of the logs, chosen by where they go to if nothing else says."""
        return self.log_format or ("console" if os.isatty(2) else "json")

    @property
    def journal_url(self) -> str:
        """The SQLAlchemy URL of the journal; raises InvalidRequest where a bucket leaves it without a place."""
        if self.journal:
            return self.journal
        folder = self.local_folder
        if isinstance(self.store, Bucket):  # what can be fetched again may be deleted; jobs may not
            state = state_folder()
            if state is None:
                raise InvalidRequest(
                    "the journal has no default location on this machine: set FITSERVE_JOURNAL to a database URL"
                )
            folder = state / self.store.path
        return f"sqlite:///{folder / '.journal.db'}"

    @property
    def local_folder(self) -> Path:
        """What this machine has of the store: the store itself, or what it fetches from a bucket and gives to it."""
        if isinstance(self.store, Bucket):
            return (self.cache or cache_folder()).absolute() / self.store.path
        return self.store.absolute()

    @property
    def workspace(self) -> Path:
        """Where trainers keep their checkpoints and logs, a folder for each job."""
        return self.local_folder / JOBS

    @property
    def feature_cache_folder(self) -> Path:
        """Where the boundary feature cache is."""
        return self.feature_cache or self.local_folder / ".features"

    def environment(self) -> dict[str, str]:
        """The variables that give another process these same settings."""
        store = self.store if isinstance(self.store, Bucket) else self.store.absolute()
        values = self.model_dump(mode="json", exclude_none=True) | {"store": store, "log_format": self.log_form}
        return {f"FITSERVE_{name.upper()}": str(value) for name, value in values.items()}
