"""A connection to S3 over s3fs, and what its errors mean."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from app.errors import FitserveError, Unavailable
from app.paths import Bucket

TRIES = 2  # of botocore, within one call


class PreconditionFailed(FitserveError):
    """The condition of a write does not hold: somebody else was quicker."""


class Unchanged(FitserveError):
    """What was asked for is still what the caller has."""


class Connection:
    """s3fs with the address and credentials that the environment has; a call fails after `timeout` silent seconds."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    @cached_property
    def files(self) -> Any:
        """The file system; raises Unavailable where s3fs is not installed."""
        try:
            from s3fs import S3FileSystem  # noqa: PLC0415  half a second, for those who have a bucket
        except ImportError as fault:
            raise Unavailable("FITSERVE_STORE names a bucket: install fitserve[cluster]") from fault
        config = {
            "connect_timeout": self._timeout,
            "read_timeout": self._timeout,
            "retries": {"mode": "standard", "total_max_attempts": TRIES},
        }
        files = S3FileSystem(skip_instance_cache=True, use_listings_cache=False, config_kwargs=config)
        files.retries = 1  # its own, around botocore's
        return files

    def read(self, **call: Any) -> tuple[bytes, str]:
        """The bytes and the tag of an object."""
        from fsspec.asyn import sync  # noqa: PLC0415

        answer = self.files.call_s3("get_object", **call)
        try:
            return sync(self.files.loop, answer["Body"].read), answer["ETag"]
        finally:
            answer["Body"].close()

    def translate(self, fault: Exception, bucket: Bucket) -> Exception:
        """The error of ours that stands for one of s3fs; FileNotFoundError for an object that is not there."""
        status, code = _answer(fault)
        if isinstance(fault, FileNotFoundError) and code != "NoSuchBucket":
            return fault
        if status == 304:
            return Unchanged("still the same")
        if status in (409, 412):
            return PreconditionFailed(f"somebody else wrote to {bucket} first")
        return Unavailable(self._message(fault, bucket))

    @staticmethod
    def is_transient(fault: Exception) -> bool:
        """Whether the same call may work in a while."""
        if isinstance(fault, Unavailable):
            return False
        status, _ = _answer(fault)
        return status is None or status == 429 or status >= 500

    def _message(self, fault: Exception, bucket: Bucket) -> str:
        status, code = _answer(fault)
        if isinstance(fault, Unavailable):
            return str(fault)
        endpoint = self._endpoint()
        if code == "NoSuchBucket":
            return f"there is no bucket {bucket.name!r} at {endpoint}"
        if status in (401, 403) or type(fault).__name__ in ("NoCredentialsError", "ProfileNotFound"):
            return (
                f"{bucket} at {endpoint} rejects these credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                f"AWS_PROFILE, or the machine's role): {_first_line(fault)}"
            )
        return f"{bucket} at {endpoint} does not work now: {_first_line(fault)}"

    def _endpoint(self) -> str:
        client = self.files._s3
        return str(client.meta.endpoint_url) if client else "its address"


def _answer(fault: Exception) -> tuple[int | None, str | None]:
    """The HTTP status and S3's code in an error, where a server has answered."""
    response = getattr(fault, "response", None) or getattr(fault.__cause__, "response", None)
    if not isinstance(response, Mapping):
        return None, None
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode"), response.get("Error", {}).get("Code")


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
