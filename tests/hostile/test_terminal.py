"""The commands with text from outside that looks like markup or would steer the terminal: shown, never obeyed."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli
from app.cli.terminal import PlainConsole, styled
from app.jobs.job import Job, NewJob, Status
from app.jobs.journal import Journal
from app.logging import configure_logging, log
from app.safe_text import printable
from app.settings import STARTERS
from app.store.model_store import ModelStore
from app.store.version import CARD, checksums, read_card

MARKUP = "[/red] [/] [bold [link=x] [[a]] [1;2] :smile:"
CONTROLS = "\x1b]0;owned\x07 \x1b[2J\x9b31m\x08\x7f\r over \udcff"  # the last as Python reads a byte that is no UTF-8
HOSTILE = f"{MARKUP} {CONTROLS}"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

Fitserve = Callable[..., tuple[int, str]]


@pytest.fixture
def fitserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fitserve:
    """One command; returns its exit code and all that it wrote, of which nothing may steer a terminal."""
    monkeypatch.setenv("FITSERVE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FITSERVE_OFFLINE", "true")
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("TERMINAL_WIDTH", "1000")

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fitserve", *words])
        with pytest.raises(SystemExit) as ended:
            cli.app()
        told = "".join(capsys.readouterr())
        assert not STEERING.search(told), told
        assert isinstance(ended.value.code, int), told
        return ended.value.code, told

    return run


@pytest.fixture
def journal(tmp_path: Path):
    opened = Journal(f"sqlite:///{tmp_path / 'store' / '.journal.db'}").open()
    yield opened
    opened.close()


def hostile_job(journal: Journal) -> Job:
    """A job whose every text is hostile, at work."""
    journal.submit(NewJob(family="digit", model=HOSTILE, hyperparameters={}), 1)
    job = journal.claim(60)
    assert job
    figures = {"metrics": {HOSTILE: 0.5}, "epoch": 1, "epochs": 2}
    journal.report(job, 60, "progress", phase=HOSTILE, examples_per_second=1.0, **figures)
    journal.report(job, 60, "epoch", seconds=1.0, **figures)
    journal.report(job, 60, "note", text=f"{HOSTILE}\r\nline\tend")
    return job


def test_a_job_that_failed(fitserve: Fitserve, journal: Journal):
    job = hostile_job(journal)
    journal.finish(job, Status.FAILED, error=f"{HOSTILE}\n{HOSTILE}")
    code, told = fitserve("jobs")
    assert code == 0
    assert told.count(MARKUP) == 3  # the model, the figures, the error
    code, told = fitserve("jobs", "watch", job.id)
    assert code == 1
    assert told.count(MARKUP) >= 5  # the bar, its phase and figures, an epoch, a note, the error twice
    assert "line\tend" in told.replace("    ", "\t")
    assert "\\x1b]0;owned\\x07" in told


def test_a_job_that_succeeded(fitserve: Fitserve, journal: Journal):
    job = hostile_job(journal)
    journal.finish(job, Status.SUCCEEDED, result={"version": HOSTILE, "promoted": True, "reason": HOSTILE})
    code, told = fitserve("jobs", "watch", job.id)
    assert code == 0
    assert f"live now: {MARKUP}" in told
    assert fitserve("jobs")[1].count(MARKUP) == 3


@pytest.mark.parametrize("command", ["watch", "cancel", "pause", "resume"])
def test_a_job_that_is_not_there(fitserve: Fitserve, command: str):
    code, told = fitserve("jobs", command, MARKUP + "\x1b")
    assert code == 1
    assert MARKUP in told


@pytest.mark.parametrize(
    "command",
    [
        [HOSTILE],
        ["jobs", f"--{HOSTILE}"],
        ["train", HOSTILE],
        ["predict", HOSTILE, str(STARTERS / "digit/1/model.onnx")],
        ["predict", "digit", f"/nowhere/{HOSTILE}"],
        ["predict", "digit", str(STARTERS / "digit/1/model.onnx"), "--version", HOSTILE],
        ["generate", "나는", "--model", HOSTILE],
        ["generate", "나는", "--version", HOSTILE],
        ["models", "import", HOSTILE, str(STARTERS / "digit/1/model.onnx")],
        ["models", "import", "digit", str(STARTERS / "digit/1/model.onnx"), "--like", HOSTILE],
        ["keys", "create", "--name", HOSTILE],
        ["keys", "create", "--scope", HOSTILE],
        ["sweep", HOSTILE, "--try", "epochs=1,2"],
        ["sweep", "digit", "--try", HOSTILE],
        ["sweep", "digit", "--try", f"dataset={HOSTILE},sample"],
        ["sweep", "digit", "--try", f"{HOSTILE}=1,2"],
        ["deploy", HOSTILE],
    ],
    ids=lambda command: " ".join(command).replace(HOSTILE, "X")[:40],
)
@pytest.mark.parametrize("text", [MARKUP, CONTROLS], ids=["markup", "controls"])
def test_what_is_asked_for_is_refused_in_its_own_words(
    fitserve: Fitserve, command: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FITSERVE_API_KEYS_FILE", str(tmp_path / "keys"))
    code, told = fitserve(*(word.replace(HOSTILE, text) for word in command))
    assert code in (1, 2)
    assert text is CONTROLS or "[/red]" in told or "dataset" in told, told


def test_a_picture_by_such_a_name(fitserve: Fitserve, tmp_path: Path):
    path = tmp_path / HOSTILE.replace("/", "")
    path.write_bytes(b"no picture")
    code, told = fitserve("predict", "digit", str(path))
    assert code == 1
    assert "[red]" in told
    assert "\\udcff" in told


def test_a_version_with_such_a_card_and_one_that_is_damaged(fitserve: Fitserve, tmp_path: Path):
    store = ModelStore(tmp_path / "store")
    store.seed(STARTERS)
    folder = store.folder("digit", 1)
    card = read_card(folder).model_copy(update={"command": HOSTILE.replace("\udcff", ""), "files": checksums(folder)})
    (folder / CARD).write_text(card.model_copy(update={"created": MARKUP}).model_dump_json())
    (store.folder("cifar", 1) / CARD).write_text('{"model": "[/red]\\u001b[2J"')
    code, told = fitserve("models")
    assert code == 0
    assert MARKUP in told
    assert fitserve("models", "verify")[0] == 1


def test_words_of_a_text(fitserve: Fitserve):
    code, told = fitserve("generate", "나는 \u0915[/red]\x1b[2J\u0915 오늘 Q[/]", "--words", "1")
    assert code == 0
    assert "\u0915[/red]\\x1b[2J\u0915" in told, told


def test_data_in_such_a_folder(fitserve: Fitserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FITSERVE_DATA_DIR", str(tmp_path / "[" / "red]\x1b[2J"))
    code, told = fitserve("train", "digit")
    assert code == 1
    assert "[/red]" in told
    code, told = fitserve("doctor")
    assert code == 1
    assert "[/red]" in told


def test_such_a_config_of_ray(fitserve: Fitserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    (tmp_path / "a.yaml").write_text("applications: '[/red] \\e[2J'")
    code, told = fitserve("deploy", str(tmp_path / "a.yaml"))
    assert code == 1
    assert "a.yaml" in told


def test_such_an_event_in_the_log_of_a_terminal(capfd: pytest.CaptureFixture[str]):
    configure_logging("WARNING", "console")
    log.warning("lost: %s", HOSTILE, fact=HOSTILE)
    told = capfd.readouterr().err
    assert not STEERING.search(told)
    assert told.count(MARKUP) == 2


def test_colours_are_ours_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    PlainConsole().print(styled(HOSTILE, "red"), HOSTILE, soft_wrap=True)
    told = capsys.readouterr().out
    assert set(re.findall("\x1b[^m]*m", told)) == {"\x1b[31m", "\x1b[0m"}
    assert told.count(MARKUP) == 2


def test_no_command_has_a_console_of_its_own():
    for path in (Path(cli.__file__).parent).rglob("*.py"):
        if path.name != "terminal.py":
            assert not re.search(r"rich\.(text|markup|markdown|panel|syntax)|Console\(|TextColumn", path.read_text()), (
                path
            )


def test_what_can_be_shown_stays_as_it_is():
    text = "나는 오늘\tat 8\n— é \U0001f600 \u202e"
    assert printable(text) == text
    assert printable("a\r\nb\rc\x1b\x9b") == "a\nb\\rc\\x1b\\x9b"
