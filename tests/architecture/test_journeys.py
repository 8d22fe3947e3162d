"""The document lists what a prediction and a training really pass."""

from pathlib import Path

import pytest

from tests.architecture.making import DOCUMENT, FIRST, resolve_reference, steps_of
from tests.architecture.tracing import trace

MOST_FILES = {FIRST: 16, "/predict/digit": 19, "/train/digit": 17}


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder: Path = tmp_path_factory.mktemp("traced")
    return {name: list(steps) for name, steps in steps_of(trace(folder)).items()}


@pytest.mark.parametrize("name", MOST_FILES)
def test_the_document_lists_the_way_of_a_request(traced: dict[str, list[str]], name: str):
    assert resolve_reference(DOCUMENT.read_text(), name) == traced[name], "make architecture lists it anew"


@pytest.mark.parametrize("name", MOST_FILES)
def test_no_request_passes_more_files_than_now(traced: dict[str, list[str]], name: str):
    assert len(traced[name]) <= MOST_FILES[name]
