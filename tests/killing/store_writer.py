"""Publishes, moves aliases, shares and deletes without end, until somebody kills it: `store_writer.py STORE SEED`."""

import random
import sys
from contextlib import suppress
from pathlib import Path

from app.errors import Conflict, NotFound
from app.store.model_store import ModelStore
from tests.fakes import publish_tiny

ALIASES = ("candidate", "shadow")


def main() -> None:
    """Do one thing after the other."""
    store, chance = ModelStore(Path(sys.argv[1])), random.Random(int(sys.argv[2]))
    sys.stdout.write("writing\n")
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


if __name__ == "__main__":
    main()
