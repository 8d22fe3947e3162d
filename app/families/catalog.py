"""The families there are: every folder beside this file that has a spec."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module

import app.families
from app.errors import NotFound
from app.families.contract import Family


def find_families() -> dict[str, Family]:
    """Every family by name, found by its `spec.FAMILY`."""
    packages = (found for found in pkgutil.iter_modules(app.families.__path__) if found.ispkg)
    specs = (import_module(f"{app.families.__name__}.{package.name}.spec") for package in packages)
    return {spec.FAMILY.name: spec.FAMILY for spec in specs}


def built_in(families: Mapping[str, Family]) -> dict[str, Family]:
    """The family of every model that some family builds in."""
    return {model: family for family in families.values() for model in family.built_in_models}


def family_named(name: str) -> Family:
    """One family; raises NotFound."""
    families = find_families()
    if name not in families:
        raise NotFound(f"there is no family {name!r}; families: {', '.join(sorted(families))}")
    return families[name]
