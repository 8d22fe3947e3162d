"""The precision that a training chooses by itself."""

from pathlib import Path

import pytest

from app.families.cifar import precision


@pytest.fixture
def with_bfloat16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that has instructions for bfloat16."""
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags : fpu avx2 avx512f avx512_bf16\n")
    monkeypatch.setattr(precision, "CPU_INFO", tmp_path / "cpuinfo")


@pytest.mark.parametrize("limit", ["AVX2", "avx512_core", "AVX512_CORE_VNNI", "SSE41"])
@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
@pytest.mark.usefixtures("with_bfloat16")
def test_instructions_that_are_forbidden_are_not_counted_on(name: str, limit: str):
    assert precision.fastest_precision({name: limit}) == "float32"


@pytest.mark.parametrize("limit", ["ALL", "AVX512_CORE_BF16", "AVX512_CORE_AMX", "AVX10_1_512"])
@pytest.mark.usefixtures("with_bfloat16")
def test_instructions_that_are_there_and_allowed_are_used(limit: str):
    assert precision.fastest_precision({"ONEDNN_MAX_CPU_ISA": limit}) == precision.fastest_precision({}) == "bfloat16"
