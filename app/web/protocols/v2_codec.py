"""Messages of the Open Inference Protocol: JSON, JSON followed by raw tensors, or a bare body."""

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import Request, Response

from app.errors import InvalidRequest
from app.families.contract import Array
from app.serving.inference import InferenceResult
from app.serving.tensors import as_dtype
from app.store.version import Card
from app.web.protocols.datatypes import DATATYPES, datatype_of
from app.web.protocols.tensor_json import items_of
from app.web.requests.json_body.reading import JsonLimits, read_object, text_object

HEADER = "Inference-Header-Content-Length"
BYTES = "BYTES"
LENGTH = struct.Struct("<I")  # before each element of a BYTES tensor
LONGEST_ID = 1_000  # characters
MOST_SIDES = 32
MOST_DIGITS = 12  # of a length in a header


@dataclass(frozen=True)
class InputTensor:
    """One input: an array of its shape, or of BYTES a list of bytes, or of texts in base64; a bare body has no name."""

    name: str | None
    datatype: str
    values: Any


@dataclass(frozen=True)
class Message:
    """A request: its inputs, the outputs that are wanted (by name, with their parameters), and its id."""

    inputs: list[InputTensor]
    wanted: dict[str, dict[str, Any]]
    binary: bool
    id: str | None = None


async def read_message(request: Request, limits: JsonLimits) -> Message:
    """The request in a body; raises InvalidRequest or TooLarge."""
    header_length = request.headers.get(HEADER)
    if header_length is None:
        return _read(await read_object(request, limits), memoryview(b""))
    body = await request.body()
    if not (header_length.isdecimal() and len(header_length) < MOST_DIGITS and int(header_length) <= len(body)):
        raise InvalidRequest(f"{HEADER} must be a number of bytes within the body")
    length = int(header_length)
    if length == 0:
        return Message([InputTensor(None, BYTES, [body])], {}, binary=True)
    return _read(await text_object(request, body[:length], limits), memoryview(body)[length:])


async def write_message(message: Message, result: InferenceResult) -> Response:
    """The answer: as JSON, or with raw tensors behind it where that was asked for."""
    card, name = result.card, result.card.output.name
    outputs = result.outputs[name]
    unknown_outputs = set(message.wanted) - {name}
    if unknown_outputs:
        raise InvalidRequest(f"there is no output {', '.join(sorted(unknown_outputs))}; there is {name}")
    parameters = message.wanted.get(name, {})
    output: dict[str, Any] = {"name": name, "datatype": datatype_of(card.output), "shape": list(outputs.shape)}
    values = outputs.astype(DATATYPES[output["datatype"]])
    raw = values.tobytes()
    if "classification" in parameters:
        values = _classified(card, outputs, parameters["classification"])
        output |= {"datatype": BYTES, "shape": list(values.shape)}
        raw = b"".join(LENGTH.pack(len(text)) + text for text in (str(one).encode() for one in values.flat))
    answer: dict[str, Any] = {"model_name": card.model, "model_version": str(card.version)}
    if message.id is not None:
        answer["id"] = message.id
    if not _flag(parameters, "binary_data", message.binary):
        head = json.dumps(answer | {"outputs": [output]}).removesuffix("}]}")
        return Response(f'{head}, "data": [{await items_of(values.ravel())}]}}]}}', media_type="application/json")
    output["parameters"] = {"binary_data_size": len(raw)}
    head = json.dumps(answer | {"outputs": [output]})
    headers = {HEADER: str(len(head))}  # json writes ASCII
    return Response(head.encode() + raw, media_type="application/octet-stream", headers=headers)


def _read(head: dict[str, Any], rest: memoryview) -> Message:
    given = []
    for one in _objects(head, "inputs"):
        tensor, rest = _tensor(one, rest)
        given.append(tensor)
    if rest:
        raise InvalidRequest(f"{len(rest)} bytes follow the last tensor")
    wanted = {}
    for one in _objects(head, "outputs") if head.get("outputs") is not None else ():
        name = one.get("name")
        if not isinstance(name, str):
            raise InvalidRequest("an output needs a name")
        wanted[name] = _parameters(one)
    return Message(given, wanted, binary=_flag(_parameters(head), "binary_data_output", False), id=_identity(head))


def _identity(head: dict[str, Any]) -> str | None:
    identity = head.get("id")
    if identity is None or (isinstance(identity, str) and len(identity) <= LONGEST_ID):
        return identity
    raise InvalidRequest(f"id must be a text of at most {LONGEST_ID} characters")


def _objects(head: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = head.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InvalidRequest(f"expected {name}: a list of tensors")
    return found


def _tensor(one: dict[str, Any], rest: memoryview) -> tuple[InputTensor, memoryview]:
    """One input, and the raw bytes that are left for those behind it."""
    name, datatype = one.get("name"), one.get("datatype")
    if not isinstance(name, str) or not isinstance(datatype, str) or datatype not in (*DATATYPES, BYTES):
        raise InvalidRequest(f"an input needs a name and a datatype ({', '.join([*DATATYPES, BYTES])})")
    shape = _shape(name, one.get("shape"))
    size = _parameters(one).get("binary_data_size")
    if size is None:
        return InputTensor(name, datatype, _from_json(name, datatype, shape, one.get("data"))), rest
    if "data" in one:
        raise InvalidRequest(f"{name} has both data and binary_data_size")
    if not _is_whole(size) or not 0 <= size <= len(rest):
        raise InvalidRequest(f"{name} says binary_data_size {size}, and {len(rest)} bytes are there")
    return InputTensor(name, datatype, _from_raw(name, datatype, shape, rest[:size])), rest[size:]


def _shape(name: str, given: Any) -> list[int]:
    """The sides of a tensor; where there are any, they were read as an array."""
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind == "i" and given.size <= MOST_SIDES:
        given = given.tolist()
    if not isinstance(given, list) or not all(_is_whole(side) and side >= 0 for side in given):
        raise InvalidRequest(
            f"{name} needs a shape: a list of at most {MOST_SIDES} whole numbers, none of them negative"
        )
    return given


def _from_json(name: str, datatype: str, shape: list[int], data: Any) -> Any:
    if not isinstance(data, list | np.ndarray):
        raise InvalidRequest(f"{name} has neither data nor binary_data_size")
    if datatype == BYTES:
        texts = _flat(data) if isinstance(data, list) else [None]
        if not all(isinstance(text, str | bytearray) for text in texts):
            raise InvalidRequest(f"{name}: BYTES in JSON are base64")
        return _counted(name, texts, shape)
    if isinstance(data, list) and _flat(data):
        raise InvalidRequest(f"{name}: data are not {datatype} numbers")
    return _shaped(name, as_dtype(np.asarray(data), DATATYPES[datatype], name), shape)


def _flat(data: list[Any]) -> list[Any]:
    """What is in nested lists, which are no deeper than the scan has let through."""
    return [one for item in data for one in (_flat(item) if isinstance(item, list) else [item])]


def _from_raw(name: str, datatype: str, shape: list[int], raw: memoryview) -> Any:
    if datatype == BYTES:
        return _counted(name, _elements(name, raw, math.prod(shape)), shape)
    if len(raw) % DATATYPES[datatype].itemsize:
        raise InvalidRequest(f"{name}: {len(raw)} bytes are no whole number of {datatype}")
    return _shaped(name, np.frombuffer(raw, DATATYPES[datatype]), shape)


def _shaped(name: str, values: Array, shape: list[int]) -> Array:
    if values.size != math.prod(shape):
        raise InvalidRequest(f"{name} has {values.size} numbers, and shape {shape} needs {math.prod(shape)}")
    return values.reshape(shape)


def _counted(name: str, elements: list[Any], shape: list[int]) -> list[Any]:
    if len(elements) != math.prod(shape):
        raise InvalidRequest(f"{name} has {len(elements)} elements, and shape {shape} needs {math.prod(shape)}")
    return elements


def _elements(name: str, raw: memoryview, most: int) -> list[bytes]:
    """The elements of a BYTES tensor, each behind its length; of more than `most` one more than those."""
    found: list[bytes] = []
    at = 0
    while at < len(raw) and len(found) <= most:
        if at + LENGTH.size > len(raw):
            raise InvalidRequest(f"{name}: a length is cut off")
        (length,) = LENGTH.unpack_from(raw, at)
        at += LENGTH.size
        if at + length > len(raw):
            raise InvalidRequest(f"{name}: an element is cut off")
        found.append(bytes(raw[at : at + length]))
        at += length
    return found


def _classified(card: Card, outputs: Array, most: Any) -> Array:
    """`value:index:label` of the likeliest, for each example, an array of texts."""
    if not _is_whole(most) or most < 1:
        raise InvalidRequest("classification must be a number of labels, at least 1")
    order = np.argsort(-outputs, axis=1, kind="stable")[:, : min(most, len(card.labels))]
    return np.array(
        [
            [f"{outputs[row, index]:.6f}:{index}:{card.labels[index]}" for index in indices]
            for row, indices in enumerate(order)
        ],
        object,
    )


def _parameters(one: dict[str, Any]) -> dict[str, Any]:
    parameters = one.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidRequest("parameters must be an object")
    return parameters


def _flag(parameters: dict[str, Any], name: str, default: bool) -> bool:
    flag = parameters.get(name, default)
    if not isinstance(flag, bool):
        raise InvalidRequest(f"{name} must be true or false")
    return flag


def _is_whole(value: Any) -> bool:
    """Whether a value of JSON is a whole number; true is none."""
    return isinstance(value, int) and not isinstance(value, bool)
