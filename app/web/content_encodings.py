"""Content encodings (RFC 9110): which one a request names, and which one its sender would rather read."""

from collections.abc import Iterable, Mapping

from app.web.problems import ENCODINGS

ALIASES = {"x-gzip": "gzip"}
MAX_ITEMS = 20  # of a list in a header: more is no list that a client would send


def content_codings(values: Iterable[bytes]) -> list[str]:
    """The encodings in Content-Encoding's fields, in the order in which they were applied."""
    names = (name.strip().lower() for value in values for name in value.decode("latin-1").split(","))
    return [ALIASES.get(name, name) for name in names if name not in ("", "identity")]


def preferred(accepted: str) -> str | None:
    """The one of ours that Accept-Encoding likes best; None where it would rather have none."""
    weights = _weights(accepted)
    others = weights.get("*", 0.0)
    quality = {name: weights.get(name, others) for name in ENCODINGS}
    best = max(ENCODINGS, key=lambda name: quality[name])  # the first of the best
    return best if quality[best] > 0 and quality[best] >= weights.get("identity", 0.0) else None


def _weights(accepted: str) -> Mapping[str, float]:
    weights = {}
    for item in accepted.lower().split(",")[:MAX_ITEMS]:
        name, _, parameter = item.partition(";")
        name, weight = name.strip(), parameter.strip().removeprefix("q=")
        try:
            weights[ALIASES.get(name, name)] = float(weight or 1)
        except ValueError:
            continue  # whoever cannot say how much they like it gets it plain
    return weights
