"""The names of models: which ones a training may have, and how a model goes with its name."""

import re
from collections.abc import Mapping

from app.errors import Conflict, NotFound, invalid_parameter
from app.families.catalog import built_in, find_families
from app.families.contract import Family
from app.jobs.database import Database
from app.jobs.usage import unless_at_work
from app.store.model_store import ModelStore

LONGEST_NAME = 63
PATTERN = "[a-z0-9][a-z0-9._-]{0,62}"
RESERVED = ("all",)


def check_name(name: str, family: Family) -> None:
    """Raise InvalidRequest unless a training of this family may make a model of this name."""
    families = find_families()
    if name in family.built_in_models:
        return
    if not family.users_name_models:
        raise invalid_parameter("model", f"models of {family.name} have no names of their own: leave `model` out")
    if not re.fullmatch(PATTERN, name):
        raise invalid_parameter(
            "model",
            "expected up to 63 characters a to z, 0 to 9, dot, dash and underscore, the first a letter or a digit",
        )
    if name in families or name in RESERVED:
        raise invalid_parameter("model", f"{name!r} has another meaning here: choose another name")
    if name in built_in(families):
        raise invalid_parameter(
            "model", f"{name!r} is a model of the family {built_in(families)[name].name}: choose another name"
        )


def check_free(store: ModelStore, name: str, family: Family, max_models: int) -> None:
    """Raise Conflict when a name is that of a model of another family, or when there is no room for one more model."""
    if name in family.built_in_models:
        return
    owner = store.family(name)
    if owner not in (None, family.name):
        raise Conflict(f"{name} is a model of the family {owner}: choose another name, or delete that model first")
    if owner is None and len(named := set(store.models()) - built_in(find_families()).keys()) >= max_models:
        raise Conflict(
            f"there are {len(named)} models with names of their own, as many as FITSERVE_MAX_MODELS allows: delete one "
            "with `fitserve models delete NAME` or DELETE /models/NAME"
        )


def family_of(store: ModelStore, name: str, families: Mapping[str, Family]) -> Family:
    """The family of a model that is built in or in the store; raises NotFound."""
    if name in (ours := built_in(families)):
        return ours[name]
    family = families.get(store.family(name) or "")
    if family is None:
        raise NotFound(f"there is no model {name!r}; models: {', '.join(dict.fromkeys([*ours, *store.models()]))}")
    return family


def delete_model(store: ModelStore, database: Database, name: str) -> None:
    """Remove a user's model with all its versions.

    Raises NotFound, and Conflict for a built-in model and while a job or a sweep is at work on it.
    """
    if name in built_in(find_families()):
        raise Conflict(f"{name} is built in: delete single versions of it with DELETE /models/{name}/versions/NUMBER")
    unless_at_work(database, name, lambda: store.delete_model(name))
