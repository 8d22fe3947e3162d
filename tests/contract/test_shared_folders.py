"""What every shared folder must keep: a file that one node shares is found on another."""

import time
from pathlib import Path

import pytest

from app.store.bucket_folder import BucketFolder
from app.store.model_store import ModelStore
from app.store.shared_folder import SharedFolder
from tests.store_fixtures import BucketStore, StoreFixture


@pytest.fixture
def nodes(store_fixture: StoreFixture, tmp_path: Path) -> list[ModelStore]:
    """The store as two machines have it; a folder is one and the same on both."""
    if not isinstance(store_fixture, BucketStore):
        return [store_fixture.store(), store_fixture.store()]
    return [store_fixture.on(tmp_path / name) for name in ("one", "other")]


@pytest.fixture
def folders(nodes: list[ModelStore]) -> list[SharedFolder]:
    return [node.jobs.of("job") for node in nodes]


def write(folder: SharedFolder, name: str, content: bytes) -> None:
    folder.path.mkdir(parents=True, exist_ok=True)
    (folder.path / name).write_bytes(content)
    folder.upload(name)


def test_an_empty_folder_has_nothing(folders: list[SharedFolder], nodes: list[ModelStore]):
    folder = folders[0]
    assert (folder.names(), folder.find("x"), folder.read("x", 0, 9), nodes[0].jobs.jobs()) == ([], None, b"", [])
    folder.remove("x")
    folder.clear()


def test_what_one_node_shares_another_finds(folders: list[SharedFolder]):
    one, other = folders
    write(one, "a.txt", b"first")
    write(other, "b.txt", b"second")
    assert one.names() == other.names() == ["a.txt", "b.txt"]
    for folder in folders:
        for name, content in (("a.txt", b"first"), ("b.txt", b"second")):
            path = folder.find(name)
            assert path
            assert (path.parent, path.read_bytes()) == (folder.path, content)


def test_what_is_removed_is_gone_for_all(folders: list[SharedFolder]):
    one, other = folders
    write(one, "a.txt", b"x")
    other.remove("a.txt")
    assert other.find("a.txt") is None
    write(one, "b.txt", b"x")
    one.clear()
    assert other.names() == []


def test_a_growing_file_is_read_everywhere_even_when_it_goes_on_elsewhere(
    folders: list[SharedFolder], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.store.bucket_folder.UPLOAD_SECONDS", 0.05)
    monkeypatch.setattr("app.store.bucket_folder.PART_BYTES", 8)
    one, other = folders
    one.path.mkdir(parents=True, exist_ok=True)
    with one.tailing_upload("log.txt"), (one.path / "log.txt").open("ab", buffering=0) as log:
        log.write(b"first line\n")
        deadline = time.monotonic() + 10
        while other.read("log.txt", 0, 99) != b"first line\n":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        log.write(b"second line\n")
    other.path.mkdir(parents=True, exist_ok=True)
    with other.tailing_upload("log.txt"), (other.path / "log.txt").open("ab", buffering=0) as log:
        log.write(b"elsewhere\n")
    whole = b"first line\nsecond line\nelsewhere\n"
    for folder in folders:
        heard = b""
        while chunk := folder.read("log.txt", len(heard), 7):
            heard += chunk
        assert heard == whole


def test_the_jobs_that_left_something_are_known_and_thinned(nodes: list[ModelStore]):
    one, other = nodes
    for job in ("a", "b"):
        for name in ("log.txt", "checkpoint-1.npz", "checkpoint-best-1.npz"):
            write(one.jobs.of(job), name, b"x")
    assert one.jobs.jobs() == other.jobs.jobs() == ["a", "b"]
    other.jobs.forget_checkpoints("a")
    assert other.jobs.of("a").names() == ["log.txt"]
    one.jobs.forget("b")
    assert other.jobs.of("b").names() == []


def test_the_copy_of_a_bucket_s_file_is_whole_or_not_there(folders: list[SharedFolder]):
    one, other = folders
    write(one, "a.txt", b"x" * 100_000)
    found = other.find("a.txt")
    assert found
    assert [path.name for path in found.parent.iterdir()] == ["a.txt"]
    assert isinstance(one, BucketFolder) or one.path == other.path
