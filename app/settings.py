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


def whole_above_one(number: float) -> float:
    """A number that is at most 1 or whole, as Ray shares GPUs; raises ValueError."""
    if number > 1 and number % 1:
        raise ValueError("a fraction of one GPU or a whole number of GPUs is expected")
    return number


def checked(parse: Callable[[str | None], object]) -> Callable[[str | None], str | None]:
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
    port: int = Field(8000, ge=0, le=65535, description="Port that the service listens on; 0 takes a free one.")

    api_keys_file: Path | None = Field(
        None, description="File of the keys' hashes; without it only this machine is served."
    )
    allow_open: bool = Field(False, description="Serve everybody without keys: only behind something that guards.")
    allowed_hosts: Annotated[str | None, AfterValidator(checked(parse_hosts))] = Field(
        None,
        description="Names, with commas, that the service answers to beside localhost; with keys by default any.",
    )
    cors_origins: Annotated[str | None, AfterValidator(checked(parse_origins))] = Field(
        None, description="Origins, with commas, whose pages may call the service."
    )
    trusted_proxies: Annotated[str | None, AfterValidator(checked(parse_networks))] = Field(
        None, description="Addresses and networks, with commas, of proxies whose X-Forwarded-For is believed."
    )

    store: Store = Field(
        Path("models_store"), description="Folder of the trained versions, the volume; or s3://BUCKET/PREFIX."
    )
    store_timeout_seconds: Seconds = Field(10, description="How long a bucket may be silent within one call.")
    store_patience_seconds: float = Field(
        120, ge=0, description="How long a trainer tries a bucket that does not work before its job fails."
    )
    cache: Path | None = Field(
        None, description="Folder of what is fetched from a bucket; by default the system's for caches."
    )
    max_cache_bytes: int = Field(
        10_000_000_000, ge=0, description="Largest size of the versions fetched; the longest unused go first."
    )
    keep: int = Field(
        0, ge=0, description="Newest versions of a model that are kept, beside those that something needs; 0 keeps all."
    )
    starters: Path = Field(STARTERS, description="Folder whose versions numbered 1 fill a store that lacks the model.")
    journal: str | None = Field(
        None, description="SQLAlchemy URL of the jobs' database; by default SQLite in the store."
    )
    journal_connections: Positive = Field(10, description="Most connections of one process to PostgreSQL.")
    data_dir: Path | None = Field(None, description="Folder where data sets are looked for first.")
    offline: bool = Field(False, description="Never download a data set.")

    max_body_bytes: Positive = Field(20_000_000, description="Largest body of a request, in bytes.")
    max_json_bytes: Positive = Field(1_000_000, description="Largest JSON body that holds neither text nor picture.")
    max_tensor_bytes: Positive = Field(32_000_000, description="Largest JSON body that holds tensors.")
    request_seconds: Seconds = Field(60, description="How long a request and the first byte of its answer may take.")
    head_seconds: Seconds = Field(10, description="How long the head of a request may take.")
    max_head_bytes: Positive = Field(65_536, description="Largest head of a request, in bytes; larger ones get 431.")
    max_head_fields: Positive = Field(100, description="Most fields in the head of a request; more get 431.")
    max_pipelined: Positive = Field(64, description="Requests of one connection that wait behind another one.")
    max_discard_bytes: int = Field(
        300_000_000, ge=0, description="Bytes read and dropped of a request that was answered before it was complete."
    )
    discard_seconds: Seconds = Field(
        30, description="How long such a request may go on before its connection is closed."
    )
    drain_seconds: Positive = Field(10, description="How long requests may go on after a signal to stop.")
    linger_seconds: float = Field(0, ge=0, description="How long to go on accepting after it, while not ready.")
    max_rate: float = Field(0, ge=0, description="Requests a second for each key, or address without keys; 0: any.")
    max_concurrent: Positive = Field(512, description="Requests at once for each key, or address without keys.")
    max_requests: Positive = Field(1024, description="Requests at once of all callers together; more get 503.")
    max_connections: Positive = Field(2048, description="Connections at once; more are told 503 and closed.")
    max_held_bytes: Positive = Field(500_000_000, description="Bytes of all large bodies under way; more get 503.")
    max_pixels: Positive = Field(
        64_000_000,
        description="Most pixels of a picture, by its header; of a JPEG that is read in one pass four times as many.",
    )
    max_corpus_bytes: Positive = Field(50_000_000, description="Largest text file that is uploaded to learn from.")
    max_import_bytes: Positive = Field(200_000_000, description="Largest network file that is imported.")
    import_seconds: Seconds = Field(300, description="How long an imported network may take to be tried out.")
    max_import_memory_bytes: Positive = Field(
        2_000_000_000, description="Memory of a process that runs an imported network, beside its libraries."
    )
    max_files: Positive = Field(64, description="Most parts of a form, so most pictures in one batch request.")
    max_waiting: Positive = Field(256, description="Most instances waiting for one model; more are refused with 429.")
    max_batch: Positive = Field(32, description="Most instances predicted together.")
    max_loaded: Positive = Field(2, description="Most versions of a model held in memory beside the live one.")
    crop: Literal["centre", "whole"] = Field(
        "centre",
        description="What of a photograph that is not square is looked at: its centre, or the whole, squeezed.",
    )
    watch_seconds: Seconds = Field(0.5, description="How often the store is looked at for a moved alias.")
    prediction_timeout_seconds: Seconds = Field(
        10, description="How long a batch may run before its version is taken out of service."
    )
    predict_threads: Positive = Field(1, description="Threads that one prediction may use.")
    runtime: Literal["auto", "onnxruntime", "tensorflow"] = Field(
        "auto", description="What predictions run on; auto: TensorFlow where it can use an NVIDIA GPU."
    )
    gpu_memory_mb: int = Field(0, ge=0, description="Memory of a GPU that serving takes, in MB; 0: what it needs.")

    launcher: Literal["local", "ray"] = Field(
        "local", description="Where trainers run: on this machine, or on the Ray cluster that RAY_ADDRESS names."
    )
    supervise: bool = Field(True, description="Look after the jobs; false leaves that to other processes.")
    max_trainers: Positive = Field(1, description="Trainers running at once.")
    max_queued: Positive = Field(100, description="Jobs waiting at once; more are refused with 429.")
    max_trials: Positive = Field(200, description="Most trials of one sweep; more are refused with 422.")
    max_attempts: Positive = Field(3, description="Attempts at a job whose trainer is lost before it counts as failed.")
    lease_seconds: Seconds = Field(30, description="How long a trainer may be silent before its job is given back.")
    leader_seconds: Seconds = Field(5, description="How long the process that leads may be silent.")
    grace_seconds: Seconds = Field(5, description="How long a trainer may take to stop by itself.")
    poll_seconds: Seconds = Field(0.5, description="How often the supervisor looks at its jobs.")
    feed_seconds: Seconds = Field(0.25, description="How often the journal is looked at while somebody watches a job.")
    progress_seconds: Seconds = Field(0.25, description="How often a trainer tells its progress at most.")
    tensorboard: bool = Field(False, description="Write logs for TensorBoard into each job's folder.")
    progress_days: Seconds = Field(7, description="Days for which the progress events of an ended job are kept.")
    log_days: Seconds = Field(90, description="Days for which the log of an ended job is kept.")
    checkpoint_seconds: Seconds = Field(300, description="How old a checkpoint may grow within an epoch.")
    trainer_nice: int = Field(10, ge=0, le=19, description="Niceness of a trainer, so that serving comes first.")
    features: Path | None = Field(
        None, description="Folder of what frozen layers made of the training data; by default in the store."
    )
    max_features_bytes: int = Field(
        4_000_000_000, ge=0, description="Largest size of that folder; the longest unused goes first, 0 keeps nothing."
    )
    features_days: Positive = Field(14, description="How long what is in it is kept unused.")
    trainer_threads: int = Field(0, ge=0, description="Threads of a trainer; 0 means one for each core, on Ray one.")
    trainer_gpus: Annotated[float, AfterValidator(whole_above_one)] = Field(
        0, ge=0, description="GPUs that Ray gives to a trainer: a fraction of one, or a whole number."
    )
    trainer_memory_bytes: int = Field(0, ge=0, description="Memory that Ray sets aside for a trainer; 0 sets none.")

    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")
    log_format: Literal["json", "console"] | None = Field(
        None, description="Logs as JSON or for people; by default for people on a terminal, else JSON."
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
    def features_folder(self) -> Path:
        """Where the boundary feature cache is."""
        return self.features or self.local_folder / ".features"

    def environment(self) -> dict[str, str]:
        """The variables that give another process these same settings."""
        store = self.store if isinstance(self.store, Bucket) else self.store.absolute()
        values = self.model_dump(mode="json", exclude_none=True) | {"store": store, "log_format": self.log_form}
        return {f"FITSERVE_{name.upper()}": str(value) for name, value in values.items()}
