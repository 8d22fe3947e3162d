"""What a trainer does first on a node of a cluster: `python -m app.jobs.launchers.node JOB ATTEMPT`.

It takes the settings of the service that launched it, but for places that are the node's own, sends its output to the
log in the job's folder, and goes on as the trainer in the same process.
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.jobs.launchers.local import LOG, trainer_command
from app.settings import Settings

COMMAND = ("python", "-m", "app.jobs.launchers.node")
SETTINGS = "FITSERVE_OF_THE_SERVICE"  # variable with the service's settings, as JSON
# a node keeps its own data sets and caches
NODE_SETTINGS = ("FITSERVE_DATA_DIR", "FITSERVE_FEATURE_CACHE", "FITSERVE_CACHE")


def settings_here(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a trainer on this node: the service's, with the node's own where it says so itself."""
    service: dict[str, str] = json.loads(environment[SETTINGS])
    if "://" not in service["FITSERVE_STORE"]:  # with a bucket they are in the cache
        service.setdefault("FITSERVE_FEATURE_CACHE", str(Path(tempfile.gettempdir()) / "fitserve-features"))
    return service | {name: environment[name] for name in NODE_SETTINGS if name in environment}


def main(job: str, attempt: str) -> None:
    """Become the trainer."""
    chosen = settings_here(os.environ)
    os.environ.update(chosen)
    del os.environ[SETTINGS]
    folder = Settings().workspace / job
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    command = trainer_command(job, int(attempt))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
