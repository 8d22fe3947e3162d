"""What is around: libraries, a GPU, memory, disk, open files, the port, keys."""

import json
import os
import resource
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from app.addresses import is_local
from app.cli.doctor.check_result import CheckResult
from app.errors import InvalidRequest, Unavailable
from app.keys import Scope, read_keys
from app.paths import nearest_existing
from app.process_limits import OTHER_FILES
from app.serving.runtimes.onnx import OnnxRuntime
from app.serving.runtimes.selection import select_runtime
from app.settings import Settings
from app.tracing import ENDPOINTS

LIBRARIES = ("fastapi", "numpy", "onnxruntime", "tensorflow", "tensorflow-cpu", "keras")
ANSWER_SECONDS = 2
LEAST_DISK = 1e9  # bytes: room for a training's checkpoints and versions
PROCESS, PIXEL = 250e6, 14  # bytes of the service at rest, and of a pixel that is decoded
CGROUPS = ("memory.max", "memory/memory.limit_in_bytes")


def versions(settings: Settings) -> Iterator[CheckResult]:
    """What is installed, and names that no setting has."""
    found = {name: number for name in LIBRARIES if (number := _version(name))}
    text = " · ".join(f"{name} {number}" for name, number in found.items())
    yield CheckResult("versions", "good", f"Fitserve {version('fitserve')} · Python {python_version()} · {text}")
    if not any(name.startswith("tensorflow") for name in found):
        yield CheckResult(
            "training", "note", "no TensorFlow, which the extra `train` brings: it serves and cannot train"
        )
    known = {f"FITSERVE_{name.upper()}" for name in type(settings).model_fields}
    if strange := sorted(name for name in os.environ if name.startswith("FITSERVE_") and name not in known):
        yield CheckResult("settings", "note", f"no setting has the name {', '.join(strange)}")


def runtime(settings: Settings) -> Iterator[CheckResult]:
    """What predictions run on, and why not on a GPU. TensorFlow is imported only where there is one, or if demanded."""
    try:
        chosen, reason = select_runtime(settings)
    except Unavailable as fault:
        yield CheckResult("runtime", "wrong", f"{fault}: it will not start")
    else:
        unused = isinstance(chosen, OnnxRuntime) and settings.runtime == "auto"
        yield CheckResult("runtime", "note" if unused else "good", f"{chosen.name}: {reason}")


def memory(settings: Settings) -> Iterator[CheckResult]:
    """What there is, beside what the limits allow at the worst."""
    cores = os.cpu_count() or 1
    most = PROCESS + settings.max_inflight_bytes + cores * PIXEL * settings.max_pixels
    there = _memory()
    text = f"{there / 1e9:.1f} GB; serving takes {PROCESS / 1e9:.2f} at rest and up to {most / 1e9:.1f} by its limits"
    if there < PROCESS:
        yield CheckResult("memory", "wrong", text)
    elif there < most:
        yield CheckResult("memory", "note", f"{text}: FITSERVE_MAX_PIXELS and FITSERVE_MAX_INFLIGHT_BYTES lower that")
    else:
        yield CheckResult("memory", "good", text)


def disk(settings: Settings) -> Iterator[CheckResult]:
    """Is there room in the store."""
    free = shutil.disk_usage(nearest_existing(settings.local_folder)).free
    text = f"{free / 1e9:.1f} GB free for the store; a training wants {LEAST_DISK / 1e9:.0f}"
    yield CheckResult("disk", "good" if free >= LEAST_DISK else "wrong", text)


def files(settings: Settings) -> Iterator[CheckResult]:
    """May this user have as many open files as the service has connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + OTHER_FILES
    if most == resource.RLIM_INFINITY or most >= wanted:
        yield CheckResult("open files", "good", f"{wanted} wanted at most, {most} allowed")
    else:
        advice = f"raise the limit or set FITSERVE_MAX_CONNECTIONS={max(1, most - OTHER_FILES)}"
        yield CheckResult("open files", "wrong", f"{most} allowed, {wanted} wanted at most: {advice}")


def port(settings: Settings) -> Iterator[CheckResult]:
    """Is the port free, or a Fitserve behind it."""
    host, number = settings.host, settings.port
    if number == 0:
        yield CheckResult("port", "good", "a free one is taken")
        return
    try:
        with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, number))
    except OSError as fault:
        yield _taken(host, number, fault)
    else:
        yield CheckResult("port", "good", f"{host}:{number} is free")


def _taken(host: str, number: int, fault: OSError) -> CheckResult:
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    address = f"[{local}]" if ":" in local else local
    try:
        with urllib.request.urlopen(f"http://{address}:{number}/health/ready", timeout=ANSWER_SECONDS) as answer:
            models = json.load(answer)["models"]
            serving = ", ".join(f"{model} {status['serving']}" for model, status in models.items() if status["serving"])
    except urllib.error.HTTPError as refusal:
        return CheckResult(
            "port", "wrong", f"{host}:{number} answers {refusal.code} at /health/ready: {refusal.read(300)!r}"
        )
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return CheckResult("port", "wrong", f"{host}:{number} cannot be had, and no Fitserve answers there: {fault}")
    return CheckResult("port", "good", f"{host}:{number}: a Fitserve answers with {serving or 'no model'}")


def traces(settings: Settings) -> Iterator[CheckResult]:  # noqa: ARG001  as every check has it
    """Are they wanted, and can they be sent."""
    wanted = next((value for name in ENDPOINTS if (value := os.environ.get(name))), None)
    if wanted and not _version("opentelemetry-exporter-otlp-proto-http"):
        yield CheckResult("traces", "wrong", f"wanted at {wanted}, but the extra `otel` is not installed")
    elif wanted:
        yield CheckResult("traces", "good", f"sent to {wanted}")


def keys(settings: Settings) -> Iterator[CheckResult]:
    """Who is let in."""
    path = settings.api_keys_file
    if path is None and settings.allow_unauthenticated:
        names = ", ".join(("localhost", *settings.hosts))
        text = (
            f"none, and FITSERVE_ALLOW_UNAUTHENTICATED serves every address that asks for {names}: "
            "something in front must guard"
        )
        yield CheckResult("keys", "note", text)
    elif path is None and is_local(settings.host):
        yield CheckResult("keys", "good", "none: only this machine is served")
    elif path is None:
        yield CheckResult(
            "keys", "wrong", f"FITSERVE_HOST={settings.host} needs FITSERVE_API_KEYS_FILE: it will not start"
        )
    else:
        yield from _keys_in(path)


def _keys_in(path: Path) -> Iterator[CheckResult]:
    try:
        found = read_keys(path)
        open_to_others = path.stat().st_mode & 0o077
    except (InvalidRequest, OSError) as fault:
        yield CheckResult("keys", "wrong", f"{path}: {fault}")
        return
    text = ", ".join(f"{sum(key.scope is scope for key in found)} {scope}" for scope in Scope)
    yield CheckResult("keys", "good" if found else "wrong", f"{path}: {text if found else 'no key: nobody is let in'}")
    if open_to_others:
        yield CheckResult("keys", "note", f"others can read {path}: chmod 600 keeps the names of its keys to yourself")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> float:
    """Bytes that this process can have: the machine's, or those of its container."""
    bounds = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in CGROUPS:
        with suppress(OSError, ValueError):  # the other version of cgroups, or `max`
            bounds.append(int((Path("/sys/fs/cgroup") / name).read_text()))
    return float(min(bounds))
