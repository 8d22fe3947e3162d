"""What training multiplies in fastest on this machine."""

from pathlib import Path

import tensorflow as tf

CPU_INFO = Path("/proc/cpuinfo")
INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def fastest_precision() -> str:
    """`bfloat16` on a GPU and on processors with instructions for it (elsewhere it is emulated), else `float32`."""
    if tf.config.list_physical_devices("GPU"):
        return "bfloat16"
    try:
        flags = CPU_INFO.read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    except (OSError, IndexError):
        return "float32"
    return "bfloat16" if any(name in flags for name in INSTRUCTIONS) else "float32"
