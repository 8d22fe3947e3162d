"""The names that the Open Inference Protocol has for the types of numbers."""

import numpy as np

from app.store.version import TensorCard

DATATYPES = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
NAMES = {dtype: name for name, dtype in DATATYPES.items()}


def datatype_of(tensor: TensorCard) -> str:
    """The protocol's name for the type of a tensor."""
    return NAMES[np.dtype(tensor.dtype)]
