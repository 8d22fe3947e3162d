"""Logging, the same in every process: one line an event on standard error."""

import logging

log = logging.getLogger("fitserve")


def configure_logging(level: str) -> None:
    """Write events of at least `level`."""
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s")
    log.setLevel(level)
