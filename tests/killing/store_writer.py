"""Publishes, moves aliases, shares and deletes in the settings' store, until somebody kills it.

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

ALIASES = ("candidate", "shadow")


def write(seed: int) -> None:
    """Do one thing after the other."""
    store, chance = open_store(Settings()), random.Random(seed)
    store.numbers("tiny")
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    while True:
        versions = [card.version for card in store.versions("tiny")]
        one, *others = chance.sample(versions, len(versions))
        deeds = (
            lambda: publish_tiny(store, chance.choice("123456789") * 100_000),
            lambda one=one: store.promote("tiny", one),
            lambda one=one: store.set_alias("tiny", chance.choice(ALIASES), one),
            lambda: store.remove_alias("tiny", chance.choice(ALIASES)),
            lambda: store.rollback("tiny"),
            lambda one=one, others=others: store.set_split("tiny", dict.fromkeys([one, *others[:1]], 1.0)),
            lambda: store.end_split("tiny"),
            lambda one=one: store.delete("tiny", one),
            lambda: store.prune("tiny", 5),
        )
        with suppress(Conflict, NotFound):
            chance.choice(deeds)()


def main() -> None:
    """Start a writer for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets those that end
    for line in sys.stdin:
        if os.fork() == 0:
            write(int(line))


if __name__ == "__main__":
    main()
