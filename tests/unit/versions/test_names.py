"""Names of models: who may have which, decided while nobody else queues anything."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from app.errors import Conflict, InvalidRequest, NotFound
from app.families.catalog import family_named, find_families
from app.jobs.job import NewJob, Status
from app.jobs.journal import Journal
from app.store.model_store import ModelStore
from app.versions.names import check_free, check_name, delete_model, family_of
from tests.fakes import TINY, publish_tiny

TEXT, DIGIT = family_named("text"), family_named("digit")
OTHER = replace(TEXT, name="other", built_in_models=())


@pytest.mark.parametrize("name", ["my-diary", "a", "0", "diary_2.1", "x" * 63, "lstm", "rnn"])
def test_a_name_of_one_s_own_or_of_the_family_is_taken(name: str):
    check_name(name, TEXT)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "up to 63"),
        ("x" * 64, "up to 63"),
        ("My-Diary", "up to 63"),
        (".hidden", "up to 63"),
        ("-x", "up to 63"),
        ("a/b", "up to 63"),
        ("a\n", "up to 63"),
        ("일기", "up to 63"),
        ("all", "another meaning"),
        ("text", "another meaning"),
        ("digit", "another meaning"),
        ("cifar", "another meaning"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(name: str, reason: str):
    with pytest.raises(InvalidRequest) as refused:
        check_name(name, TEXT)
    assert reason in str(refused.value.details[0]["msg"])


def test_the_built_in_model_of_another_family_is_refused():
    with pytest.raises(InvalidRequest) as refused:
        check_name("lstm", replace(OTHER))
    assert "a model of the family text" in str(refused.value.details[0]["msg"])


def test_a_family_whose_models_users_do_not_name_takes_its_own_only():
    check_name("digit", DIGIT)
    with pytest.raises(InvalidRequest):
        check_name("mine", DIGIT)


def test_the_name_of_another_family_s_model_is_taken(tmp_path: Path):
    store = ModelStore(tmp_path)
    publish_tiny(store, model="mine")
    check_free(store, "mine", TINY, 1)
    with pytest.raises(Conflict, match="is a model of the family tiny"):
        check_free(store, "mine", TEXT, 9)


def test_there_are_no_more_models_than_allowed(tmp_path: Path):
    store = ModelStore(tmp_path)
    publish_tiny(store, model="mine")
    check_free(store, "mine", TINY, 1)
    check_free(store, "lstm", TEXT, 1)
    with pytest.raises(Conflict, match="FITSERVE_MAX_MODELS"):
        check_free(store, "yours", TINY, 1)


def test_the_family_of_a_model_is_known_without_loading_it(tmp_path: Path):
    store = ModelStore(tmp_path)
    publish_tiny(store, model="mine")
    families = {**find_families(), "tiny": TINY}
    assert [family_of(store, name, families).name for name in ("mine", "lstm", "digit")] == ["tiny", "text", "digit"]
    with pytest.raises(NotFound, match="mine"):
        family_of(store, "yours", families)


def new(family: str, model: str = "mine") -> NewJob:
    return NewJob(family=family, model=model, hyperparameters={})


def test_a_name_that_a_job_of_another_family_has_is_taken_until_it_ends(journal: Journal):
    job, _ = journal.submit(new("one"), 9)
    journal.submit(new("one"), 9)
    with pytest.raises(Conflict, match=f"job {job.id}, which trains one"):
        journal.submit(new("other"), 9)
    for waiting in journal.latest():
        journal.cancel(waiting.id)
    assert journal.submit(new("other"), 9)[0].status is Status.QUEUED


def test_of_two_families_that_ask_for_a_new_name_at_once_one_gets_it(journal: Journal):
    both = Barrier(2)

    def ask(family: str) -> str:
        both.wait(30)
        try:
            return journal.submit(new(family), 9)[0].family
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(ask, ("one", "other"))).count("refused") == 1


def test_a_model_is_deleted_unless_it_is_built_in_or_somebody_works_on_it(journal: Journal, tmp_path: Path):
    store = ModelStore(tmp_path / "store")
    publish_tiny(store, model="mine")
    with pytest.raises(Conflict, match="lstm is built in"):
        delete_model(store, journal.database, "lstm")
    job, _ = journal.submit(new("tiny"), 9)
    with pytest.raises(Conflict, match=f"job {job.id} is at work on mine: cancel it"):
        delete_model(store, journal.database, "mine")
    journal.cancel(job.id)
    delete_model(store, journal.database, "mine")
    assert store.models() == []
    with pytest.raises(NotFound):
        delete_model(store, journal.database, "mine")
