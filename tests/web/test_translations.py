"""The Korean page translates the service's sentences: each one of the listed modules has its translation."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import app
from app import errors
from app.web.routes.page import STATIC

APP = Path(app.__file__).parent
PART = re.compile(r"\{\w+\}")
SENTENCES: dict[str, str] = json.loads((STATIC / "ko.server.json").read_text())
KNOWN = {PART.sub("{}", english) for english in SENTENCES}
RAISING = (  # modules whose errors the page shows
    "errors.py",
    "datasets/*.py",
    "families/digit/normalise.py",
    "families/imaging.py",
    "families/*/spec.py",
    "families/text/text_cleaning.py",
    "imports/client.py",
    "jobs/journal.py",
    "jobs/plots.py",
    "serving/batcher.py",
    "serving/generation.py",
    "serving/traffic.py",
    "store/model_store.py",
    "store/version.py",
    "submission/*.py",
    "training/imports/compatibility.py",
    "training/imports/keras_archive.py",
    "versions/*.py",
    "web/middleware/admission.py",
    "web/middleware/authentication.py",
    "web/middleware/decompression.py",
    "web/middleware/limits.py",
    "web/middleware/origins.py",
    "web/problems.py",
    "web/requests/training_uploads.py",
    "web/routes/models.py",
)
RETURNING = ("versions/promotion.py", "training/divergence.py")  # modules whose functions return reasons
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {"ValueError"}


def templates(node: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    """The texts that an expression may be, with `{}` for what is filled in; none for one that is computed."""
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.Name(name) if name in constants:
            yield constants[name]
        case ast.IfExp(body=one, orelse=other):
            yield from templates(one, constants)
            yield from templates(other, constants)
        case ast.Tuple([_, reason]):
            yield from templates(reason, constants)


def sentences_of(path: Path, *, returned: bool) -> Iterator[str]:
    """The sentences that a module raises or returns."""
    tree = ast.parse(path.read_text())
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Return(value=ast.expr() as value) if returned:
                yield from templates(value, constants)
            case ast.Call(func=ast.Name(name), args=[first, *_]) if name in ERRORS and not returned:
                yield from templates(first, constants)


@pytest.mark.parametrize("module", [*RAISING, *RETURNING])
def test_every_sentence_of_a_listed_module_is_translated(module: str):
    paths = list(APP.glob(module))
    assert paths
    found = {text for path in paths for text in sentences_of(path, returned=module in RETURNING)}
    missing = {text for text in found if text and " " in text} - KNOWN
    assert not missing, f"not in {STATIC / 'ko.server.json'}"


def test_faults_of_the_system_are_translated():
    assert set(errors.TRANSIENT_ERRORS.values()) <= KNOWN


def is_translated(sentence: str) -> bool:
    """Whether one of the patterns that say more than punctuation fits."""
    patterns = [english for english in SENTENCES if re.search(r"\w", PART.sub("", english))]
    return any(re.fullmatch(".+?".join(map(re.escape, PART.split(one))), sentence, re.DOTALL) for one in patterns)


@pytest.mark.parametrize(
    ("family", "wrong"),
    [
        ("digit", {"epochs": 0, "learning_rate": 0, "batch_size": 10**9, "seed": "x", "promote": "maybe", "no": 1}),
        ("cifar", {"recipe": "other", "learning_rate": "fast", "head_epochs": 1.5, "formats": ["other"]}),
        ("text", {"cell": 3, "dropout": 2, "units": None, "corpus": "x" * 10_000, "text": "one"}),
    ],
)
def test_what_is_wrong_with_a_field_is_translated(client: TestClient, family: str, wrong: dict[str, object]):
    answer = client.post(f"/train/{family}", json=wrong)
    assert answer.status_code == 422
    said = answer.json()
    assert len(said["errors"]) >= 4
    assert [one["msg"] for one in said["errors"] if not is_translated(one["msg"])] == []
    assert is_translated(said["detail"])


def test_a_translation_fills_in_only_what_its_sentence_has():
    assert all(set(PART.findall(korean)) <= set(PART.findall(english)) for english, korean in SENTENCES.items())


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node: apt-get install nodejs")
def test_the_page_translates_a_sentence_that_says_a_name_twice(tmp_path: Path):
    shutil.copy(STATIC / "translation.js", tmp_path / "translation.mjs")
    (tmp_path / "said.mjs").write_text(
        'import { Translation } from "./translation.mjs";\n'
        f"const table = {json.dumps(SENTENCES)};\n"
        'console.log(new Translation({ "{m} is in {m}, not in {n}": "{m}: {n}" }).of("a is in a, not in b"));\n'
        "console.log(new Translation(table).of(process.argv[2]));\n"
    )
    sentence = "digit is built in: delete single versions of it with DELETE /models/digit/versions/NUMBER"
    done = subprocess.run(["node", tmp_path / "said.mjs", sentence], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "a: b"
    assert second.startswith("digit은")
