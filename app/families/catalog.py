"""The families there are: every folder beside this file that has a spec, and those of installed packages."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

import app.families
from app.errors import Conflict, NotFound
from app.families.contract import Family

GROUP = "fitserve.families"  # an entry point of an installed package: `name = "package.spec:FAMILY"`


def find_families() -> dict[str, Family]:
    """Every family by name. Raises Conflict when two have the same name, or build in a model of the same name."""
    return dict(_found())


@cache
def _found() -> Mapping[str, Family]:
    packages = (found for found in pkgutil.iter_modules(app.families.__path__) if found.ispkg)
    own = [import_module(f"{app.families.__name__}.{package.name}.spec").FAMILY for package in packages]
    families: dict[str, Family] = {}
    owners: dict[str, str] = {}
    for family in [*own, *(found.load() for found in sorted(entry_points(group=GROUP)))]:
        for name in {family.name, *family.built_in_models}:
            if owners.setdefault(name, family.name) != family.name or family.name in families:
                raise Conflict(f"the families {family.name} and {owners[name]} both have the name {name}: remove one")
        families[family.name] = family
    return families


def built_in(families: Mapping[str, Family]) -> dict[str, Family]:
    """The family of every model that some family builds in."""
    return {model: family for family in families.values() for model in family.built_in_models}


def family_named(name: str) -> Family:
    """One family; raises NotFound."""
    families = find_families()
    if name not in families:
        raise NotFound(f"there is no family {name!r}; families: {', '.join(sorted(families))}")
    return families[name]
