"""What training multiplies in fastest on this machine."""

import os
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

CPU_INFO = Path("/proc/cpuinfo")
INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # which instructions oneDNN may use of those that there are
UNLIMITED = ("ALL", "DEFAULT", "BF16", "FP16", "AMX", "AVX10")  # what is in the names of limits that allow bfloat16


def fastest_precision(environment: Mapping[str, str] = os.environ) -> str:
    """`bfloat16` on a GPU and on processors whose instructions for it may be used, else `float32`.

    oneDNN emulates it where there are none, and refuses it where the environment forbids them.
    """
    if tf.config.list_physical_devices("GPU"):
        return "bfloat16"
    return "bfloat16" if _allowed(environment) and _has_instructions() else "float32"


def _allowed(environment: Mapping[str, str]) -> bool:
    limit = next((environment[name].upper() for name in LIMITS if name in environment), "ALL")
    return any(name in limit for name in UNLIMITED)


def _has_instructions() -> bool:
    try:
        flags = CPU_INFO.read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    except (OSError, IndexError):
        return False
    return any(name in flags for name in INSTRUCTIONS)
