"""The file of keys: nothing that is in it is lost, and what cannot be read is neither changed nor passed over."""

import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.commands import commands
from app.errors import Conflict, InvalidRequest
from app.keys import Keyring, Scope, create_key, read_keys

DIGEST = "0" * 64
LINE = f"predict {DIGEST} old"
GARBAGE = [
    b"nonsense\n",
    f"{LINE}\npredict {DIGEST[:40]}".encode(),  # a line that was not written to its end
    b"\x00" * 80,
    f"{LINE}\n".encode("utf-16"),
    b"predict \xff\xfe name\n",
    f"{LINE} and more\n".encode(),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "keys"


def written(file: Path, content: bytes) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file


def names(file: Path) -> list[str]:
    return [key.name for key in read_keys(file)]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "\n\n", "\n# the last line is a comment", "\r\n   \t"])
def test_a_new_key_takes_a_line_of_its_own(file: Path, end: str):
    secret = create_key(written(file, (LINE + end).encode()), Scope.TRAIN, "new")
    assert names(file) == ["old", "new"]
    found = Keyring(file).find(secret)
    assert found is not None
    assert (found.name, found.scope) == ("new", Scope.TRAIN)
    create_key(file, Scope.ADMIN, "third")
    assert names(file) == ["old", "new", "third"]
    assert file.read_bytes().startswith((LINE + end).encode())


def test_lines_as_editors_leave_them_are_read(file: Path):
    others = f"  # whose is it?\u2028\u0085 nobody's\r\n\ttrain  {'ab' * 32}\t키.1 \r\nadmin {'AB' * 32} x"
    assert names(written(file, f"\ufeff{LINE}\r\n\r\n{others}".encode())) == ["old", "키.1", "x"]


@pytest.mark.parametrize("content", GARBAGE)
def test_what_cannot_be_read_is_not_changed(file: Path, content: bytes):
    with pytest.raises(InvalidRequest, match="the file of keys"):
        create_key(written(file, content), Scope.PREDICT, "new")
    assert file.read_bytes() == content


@pytest.mark.parametrize("content", GARBAGE)
def test_what_cannot_be_read_is_told_without_what_is_in_it(file: Path, content: bytes):
    keyring = Keyring(written(file, content))
    with pytest.raises(InvalidRequest) as told:
        keyring.open()
    assert DIGEST[:8] not in str(told.value)
    assert "nonsense" not in str(told.value)


@pytest.mark.parametrize("name", ["", "a" * 65, "two words", "a\nadmin", "#a", "a\t", "a/b", "\x1b[2J", "e\u0301"])
def test_a_name_that_does_not_fit_leaves_the_file_as_it_was(file: Path, name: str):
    with pytest.raises(InvalidRequest, match="1 to 64"):
        create_key(written(file, LINE.encode()), Scope.PREDICT, name)
    assert file.read_bytes() == LINE.encode()


def test_many_at_once_all_get_a_line_and_one_name_goes_to_one(file: Path):
    def create(number: int) -> bool:
        try:
            create_key(file, Scope.PREDICT, f"key-{number % 20}")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(create, range(40)))
    assert sum(made) == 20
    assert sorted(names(file)) == sorted(f"key-{number}" for number in range(20))


def test_the_file_keeps_its_rights_its_place_and_its_links(file: Path):
    written(file, LINE.encode()).chmod(0o640)
    (file.parent / "link").symlink_to(file)
    before = file.stat()
    create_key(file.parent / "link", Scope.PREDICT, "new")
    after = file.stat()
    assert (after.st_mode, after.st_ino, after.st_uid) == (before.st_mode, before.st_ino, before.st_uid)
    assert (file.parent / "link").is_symlink()
    create_key(file.parent / "fresh", Scope.PREDICT, "new")
    assert (file.parent / "fresh").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_keys_as_they_were(file: Path):
    written(file, LINE.encode())
    done = subprocess.run(
        [sys.executable, "-c", "from app.cli import app; app()", "keys", "create", "--name", "new"],
        env={**os.environ, "FITSERVE_API_KEYS_FILE": str(file)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (120, 120)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "cannot be changed" in done.stderr
    assert file.read_bytes() == LINE.encode()


def test_a_keyring_goes_on_with_the_last_good_keys_until_the_file_can_be_read(file: Path):
    secret = create_key(file, Scope.PREDICT, "one")
    good = file.read_bytes()
    keyring = Keyring(file)
    keyring.open()
    for spoil in (lambda: file.write_bytes(b"nonsense"), file.unlink, file.mkdir):
        spoil()
        for _ in range(2):  # told again and again
            assert "the file of keys" in (keyring.reload() or "")
            assert keyring.find(secret)
    file.rmdir()
    file.write_bytes(good)
    assert keyring.reload() is None
    assert keyring.find(secret)
    file.write_bytes(b"# nobody any more\n")
    assert keyring.find(secret) is None
    assert keyring.fault is None


def test_the_command_says_why_and_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FITSERVE_API_KEYS_FILE", str(written(file, b"nonsense")))
    for command in (["create"], ["list"]):
        done = CliRunner().invoke(commands, ["keys", *command])
        assert isinstance(done.exception, InvalidRequest)
        assert "line 1" in str(done.exception)
    assert file.read_bytes() == b"nonsense"
