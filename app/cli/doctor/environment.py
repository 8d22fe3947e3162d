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
from app.cli.doctor.check_result import Finding
from app.errors import InvalidRequest, Unavailable
from app.keys import Scope, read_keys
from app.paths import nearest
from app.process_limits import OTHER_FILES
from app.serving.runtimes.onnx import OnnxRuntime
from app.serving.runtimes.selection import choose
from app.settings import Settings
from app.tracing import ENDPOINTS

LIBRARIES = ("fastapi", "numpy", "onnxruntime", "tensorflow", "tensorflow-cpu", "keras")
ANSWER_SECONDS = 2
LEAST_DISK = 1e9  # bytes: room for a training's checkpoints and versions
PROCESS, PIXEL = 250e6, 14  # bytes of the service at rest, and of a pixel that is decoded
CGROUPS = ("memory.max", "memory/memory.limit_in_bytes")


def versions(settings: Settings) -> Iterator[Finding]:
    """What is installed, and names that no setting has."""
    found = {name: number for name in LIBRARIES if (number := _version(name))}
    told = " · ".join(f"{name} {number}" for name, number in found.items())
    yield Finding("versions", "good", f"Fitserve {version('fitserve')} · Python {python_version()} · {told}")
    if not any(name.startswith("tensorflow") for name in found):
        yield Finding("training", "note", "no TensorFlow, which the extra `train` brings: it serves and cannot train")
    known = {f"FITSERVE_{name.upper()}" for name in type(settings).model_fields}
    if strange := sorted(name for name in os.environ if name.startswith("FITSERVE_") and name not in known):
        yield Finding("settings", "note", f"no setting has the name {', '.join(strange)}")


def runtime(settings: Settings) -> Iterator[Finding]:
    """What predictions run on, and why not on a GPU. TensorFlow is imported only where there is one, or if demanded."""
    try:
        chosen, reason = choose(settings)
    except Unavailable as fault:
        yield Finding("runtime", "wrong", f"{fault}: it will not start")
    else:
        unused = isinstance(chosen, OnnxRuntime) and settings.runtime == "auto"
        yield Finding("runtime", "note" if unused else "good", f"{chosen.name}: {reason}")


def memory(settings: Settings) -> Iterator[Finding]:
    """What there is, beside what the limits allow at the worst."""
    cores = os.cpu_count() or 1
    most = PROCESS + settings.max_held_bytes + cores * PIXEL * settings.max_pixels
    there = _memory()
    told = f"{there / 1e9:.1f} GB; serving takes {PROCESS / 1e9:.2f} at rest and up to {most / 1e9:.1f} by its limits"
    if there < PROCESS:
        yield Finding("memory", "wrong", told)
    elif there < most:
        yield Finding("memory", "note", f"{told}: FITSERVE_MAX_PIXELS and FITSERVE_MAX_HELD_BYTES lower that")
    else:
        yield Finding("memory", "good", told)


def disk(settings: Settings) -> Iterator[Finding]:
    """Is there room in the store."""
    free = shutil.disk_usage(nearest(settings.local_folder)).free
    told = f"{free / 1e9:.1f} GB free for the store; a training wants {LEAST_DISK / 1e9:.0f}"
    yield Finding("disk", "good" if free >= LEAST_DISK else "wrong", told)


def files(settings: Settings) -> Iterator[Finding]:
    """May this user have as many open files as the service has connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + OTHER_FILES
    if most == resource.RLIM_INFINITY or most >= wanted:
        yield Finding("open files", "good", f"{wanted} wanted at most, {most} allowed")
    else:
        advice = f"raise the limit or set FITSERVE_MAX_CONNECTIONS={max(1, most - OTHER_FILES)}"
        yield Finding("open files", "wrong", f"{most} allowed, {wanted} wanted at most: {advice}")


def port(settings: Settings) -> Iterator[Finding]:
    """Is the port free, or a Fitserve behind it."""
    host, number = settings.host, settings.port
    if number == 0:
        yield Finding("port", "good", "a free one is taken")
        return
    try:
        with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, number))
    except OSError as fault:
        yield _taken(host, number, fault)
    else:
        yield Finding("port", "good", f"{host}:{number} is free")


def _taken(host: str, number: int, fault: OSError) -> Finding:
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    address = f"[{local}]" if ":" in local else local
    try:
        with urllib.request.urlopen(f"http://{address}:{number}/health/ready", timeout=ANSWER_SECONDS) as answer:
            models = json.load(answer)["models"]
            serving = ", ".join(f"{model} {told['serving']}" for model, told in models.items() if told["serving"])
    except urllib.error.HTTPError as refusal:
        return Finding(
            "port", "wrong", f"{host}:{number} answers {refusal.code} at /health/ready: {refusal.read(300)!r}"
        )
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return Finding("port", "wrong", f"{host}:{number} cannot be had, and no Fitserve answers there: {fault}")
    return Finding("port", "good", f"{host}:{number}: a Fitserve answers with {serving or 'no model'}")


def traces(settings: Settings) -> Iterator[Finding]:  # noqa: ARG001  as every check has it
    """Are they wanted, and can they be sent."""
    wanted = next((value for name in ENDPOINTS if (value := os.environ.get(name))), None)
    if wanted and not _version("opentelemetry-exporter-otlp-proto-http"):
        yield Finding("traces", "wrong", f"wanted at {wanted}, but the extra `otel` is not installed")
    elif wanted:
        yield Finding("traces", "good", f"sent to {wanted}")


def keys(settings: Settings) -> Iterator[Finding]:
    """Who is let in."""
    path = settings.api_keys_file
    if path is None and settings.allow_open:
        names = ", ".join(("localhost", *settings.hosts))
        told = (
            f"none, and FITSERVE_ALLOW_OPEN serves every address that asks for {names}: something in front must guard"
        )
        yield Finding("keys", "note", told)
    elif path is None and is_local(settings.host):
        yield Finding("keys", "good", "none: only this machine is served")
    elif path is None:
        yield Finding("keys", "wrong", f"FITSERVE_HOST={settings.host} needs FITSERVE_API_KEYS_FILE: it will not start")
    else:
        yield from _keys_in(path)


def _keys_in(path: Path) -> Iterator[Finding]:
    try:
        found = read_keys(path)
        open_to_others = path.stat().st_mode & 0o077
    except (InvalidRequest, OSError) as fault:
        yield Finding("keys", "wrong", f"{path}: {fault}")
        return
    told = ", ".join(f"{sum(key.scope is scope for key in found)} {scope}" for scope in Scope)
    yield Finding("keys", "good" if found else "wrong", f"{path}: {told if found else 'no key: nobody is let in'}")
    if open_to_others:
        yield Finding("keys", "note", f"others can read {path}: chmod 600 keeps the names of its keys to yourself")


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
