"""Publishes, moves aliases and deletes in the settings' store, until somebody kills it: `store_writer.py SEED`."""

import random
import sys

from app.errors import Conflict, NotFound
from app.settings import Settings
from app.store.opening import open_store
from tests.fakes import publish_tiny


def main() -> None:
    """Do one thing after the other."""
    store, chance = open_store(Settings()), random.Random(int(sys.argv[1]))
    store.numbers("tiny")
    sys.stdout.write("writing\n")
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


if __name__ == "__main__":
    main()
