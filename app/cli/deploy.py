"""fitserve deploy: have a Ray cluster serve, in replicas, what a Serve config file says."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.terminal import console
from app.errors import Conflict, InvalidRequest
from app.jobs.launchers.ray_head import RayHead, address_in, token_in

LOOK_SECONDS = 0.5
BROKEN = ("DEPLOY_FAILED", "UNHEALTHY")


def deploy(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Such as deploy/ray-serve.yaml.")],
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait until all of it runs.")] = 300,
) -> None:
    """Serve in replicas on the Ray cluster that RAY_ADDRESS names, with the FITSERVE_* settings of this environment."""
    head = RayHead(address_in(os.environ), token_in(os.environ))
    chosen = {name: value for name, value in os.environ.items() if name.startswith("FITSERVE_")}
    config = read_config(file, {**chosen, "RAY_API_SERVER_ADDRESS": head.address})
    head.deploy(config)
    names = [application["name"] for application in config["applications"]]
    _wait(head, names, time.monotonic() + wait)
    console.print(f"{', '.join(names)} on {head.address}: running")


def read_config(file: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """A Serve config, with variables for its applications where it does not set them itself; raises InvalidRequest."""
    import yaml  # noqa: PLC0415  only this command needs it

    try:
        config: dict[str, Any] = yaml.safe_load(file.read_text())
        for application in config["applications"]:
            given = application.setdefault("runtime_env", {}).setdefault("env_vars", {})
            application["runtime_env"]["env_vars"] = {**environment, **given}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as fault:
        raise InvalidRequest(f"{file} is not a config of Ray Serve with `applications`: {fault}") from fault
    return config


def _wait(head: RayHead, names: Sequence[str], deadline: float) -> None:
    """Until all of them run; raises Conflict when one will not, or has not in time."""
    while True:
        known = head.applications()
        states = {name: known.get(name, {}).get("status", "unknown") for name in names}
        for name, state in states.items():
            if state in BROKEN:
                raise Conflict(f"{name} is {state}: {known[name].get('message', '').strip()}")
        waiting = ", ".join(f"{name} is {state}" for name, state in states.items() if state != "RUNNING")
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise Conflict(f"not running in time: {waiting}")
        time.sleep(LOOK_SECONDS)
