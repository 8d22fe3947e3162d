"""Publishes, moves aliases and deletes in the settings' store, until somebody kills it.

For each seed on standard input there is one more such process, which tells its number when it begins. It is a fork, as
to start an interpreter takes longer than most of them live.
"""

import os
import random
import signal
import sys
from contextlib import suppress

from app.errors import Conflict, NotFound
from app.settings import Settings
from app.store.opening import open_store
from tests.fakes import publish_tiny

with suppress(ImportError):
    import s3fs  # noqa: F401  once, before the forks


def write(seed: int) -> None:
    """Do one thing after the other."""
    store, chance = open_store(Settings()), random.Random(seed)
    store.numbers("tiny")
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    while True:
        versions = [card.version for card in store.versions("tiny")]
        try:
            match chance.choice(("publish", "promote", "alias", "rollback", "delete", "prune")):
                case "publish":
                    publish_tiny(store, chance.choice("123456789") * 100_000)
                case "promote" if versions:
                    store.promote("tiny", chance.choice(versions))
                case "alias" if versions:
                    store.set_alias("tiny", chance.choice(("candidate", "canary")), chance.choice(versions))
                case "rollback":
                    store.rollback("tiny")
                case "delete" if versions:
                    store.delete("tiny", chance.choice(versions))
                case "prune" if versions:
                    store.prune("tiny", 5)
        except (Conflict, NotFound):
            continue


def main() -> None:
    """Start a writer for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets those that end
    for line in sys.stdin:
        if os.fork() == 0:
            write(int(line))


if __name__ == "__main__":
    main()
