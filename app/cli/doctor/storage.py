"""What is kept: the store, the journal, data sets and weights."""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from sqlalchemy import URL, Connection, create_engine, func, inspect, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.cli.doctor.check_result import CheckResult
from app.datasets.datasets import Datasets
from app.errors import FitserveError, MissingData
from app.families.catalog import find_families
from app.families.contract import DataFile, Family
from app.jobs.database import HEAD
from app.jobs.tables import jobs
from app.paths import nearest_existing
from app.settings import Settings
from app.store.inspection import inspect as inspect_store
from app.store.opening import open_store


def store(settings: Settings) -> Iterator[CheckResult]:
    """Can it be written, and is every byte of it as it was published."""
    location = settings.store.absolute() if isinstance(settings.store, Path) else settings.store
    if isinstance(location, Path):
        if not os.access(nearest_existing(location), os.W_OK):
            yield CheckResult("store", "wrong", f"{location} cannot be written by user {os.getuid()}")
        if not location.exists():
            yield CheckResult("store", "note", f"{location} is made at the first start, with the starter versions")
            return
    sound: dict[str, int] = {}
    try:
        for finding in inspect_store(open_store(settings)):
            if finding.fault:
                yield CheckResult("store", "wrong", f"{finding.model} {finding.version or 'aliases'}: {finding.fault}")
            elif finding.version:
                sound[finding.model] = sound.get(finding.model, 0) + 1
    except FitserveError as fault:
        yield CheckResult("store", "wrong", f"{location}: {fault}")
        return
    summary = ", ".join(f"{number} of {model}" for model, number in sound.items())
    yield CheckResult("store", "good", f"{location}: sound versions: {summary or 'none'}")


def journal(settings: Settings) -> Iterator[CheckResult]:
    """Does it open, and what is in it."""
    url = make_url(settings.journal_url)
    if _is_file(url) and not Path(url.database or "").exists():
        yield CheckResult("journal", "note", f"{url} is made at the first start")
        return
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield _check_journal(connection, url)
    except SQLAlchemyError as fault:
        yield CheckResult("journal", "wrong", f"{url}: {str(fault).splitlines()[0]}")
    finally:
        engine.dispose()


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and "uri" not in url.query


def _check_journal(connection: Connection, url: URL) -> CheckResult:
    if _is_file(url) and (problem := connection.execute(text("PRAGMA quick_check(1)")).scalar()) != "ok":
        return CheckResult("journal", "wrong", f"{url} is damaged: {problem}")
    if not inspect(connection).has_table("alembic_version"):
        return CheckResult("journal", "note", f"{url} has no tables yet; the first start makes them")
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision != HEAD:
        return CheckResult("journal", "note", f"{url} has revision {revision}; the next start brings it to {HEAD}")
    counted = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status)).all()
    summary = ", ".join(f"{number} {status}" for status, number in counted)
    return CheckResult("journal", "good", f"{url}: jobs: {summary or 'none'}")


def data(settings: Settings) -> Iterator[CheckResult]:
    """Where the data sets and the weights are that trainings may ask for."""
    if settings.data_dir and not settings.data_dir.is_dir():
        yield CheckResult("data", "wrong", f"FITSERVE_DATA_DIR={settings.data_dir} is no folder")
    datasets = Datasets(settings.data_dir, offline=settings.offline)
    for family in find_families().values():
        for file in _files(family):
            yield _check_file(datasets, file, offline=settings.offline)


def _check_file(datasets: Datasets, file: DataFile, *, offline: bool) -> CheckResult:
    found = datasets.find(file)
    if found is None:
        how = "FITSERVE_OFFLINE forbids to download it" if offline else "downloaded when a training asks for it"
        return CheckResult("data", "note", f"{file.name} is not here: {how}")
    try:
        if file.check:
            file.check(found)
    except MissingData as fault:
        return CheckResult("data", "wrong", str(fault))
    except ImportError:
        return CheckResult("data", "note", f"{file.name}: {found}, not looked into: that takes the extra `train`")
    return CheckResult("data", "good", f"{file.name}: {found}")


def _files(family: Family) -> list[DataFile]:
    """Every file to be had from somewhere that some choice among named options asks for."""
    fields = family.hyperparameters.model_fields.items()
    choices = {name: options for name, field in fields if (options := _options(field.annotation))}
    found: dict[str, DataFile] = {}
    for values in product(*choices.values()):
        try:
            chosen = family.hyperparameters(**dict(zip(choices, values, strict=True)))
        except ValidationError:  # these do not go together
            continue
        found |= {file.name: file for file in family.files(chosen) if file.origin}
    return list(found.values())


def _options(annotation: Any) -> tuple[Any, ...]:
    """The values of a `Literal`, be it optional."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(option for part in get_args(annotation) for option in _options(part))
