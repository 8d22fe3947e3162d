"""Messages of the Open Inference Protocol: JSON, JSON followed by raw tensors, or a bare body."""

import base64
import binascii
import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import Response

from app.errors import InvalidRequest
from app.families.contract import Array
from app.store.version import Card
from app.web.protocols.datatypes import DATATYPES, datatype_of
from app.web.protocols.route import AnyJson, parse_object

HEADER = "Inference-Header-Content-Length"
BYTES = "BYTES"
MAX_DIGITS = 19  # of a length
LENGTH = struct.Struct("<I")  # before each element of a BYTES tensor


@dataclass(frozen=True)
class Given:
    """One input: an array of its shape, or a list of bytes; a bare body has no name."""

    name: str | None
    datatype: str
    values: Any


@dataclass(frozen=True)
class Message:
    """A request: its inputs, the outputs that are wanted (by name, with their parameters), and its id."""

    inputs: list[Given]
    wanted: dict[str, dict[str, Any]]
    binary: bool
    id: str | None = None


def read_message(body: bytes, header_length: str | None) -> Message:
    """The request in a body; raises InvalidRequest."""
    if header_length is None:
        return _read(parse_object(body), b"")
    if not header_length.isdecimal() or len(header_length) > MAX_DIGITS or int(header_length) > len(body):
        raise InvalidRequest(f"{HEADER} must be a number of bytes within the body")
    length = int(header_length)
    if length == 0:
        return Message([Given(None, BYTES, [body])], {}, binary=True)
    return _read(parse_object(body[:length]), body[length:])


def write_message(card: Card, message: Message, outputs: Array) -> Response:
    """The answer: as JSON, or with raw tensors behind it where that was asked for."""
    name = card.output.name
    strangers = set(message.wanted) - {name}
    if strangers:
        raise InvalidRequest(f"there is no output {', '.join(sorted(strangers))}; there is {name}")
    parameters = message.wanted.get(name, {})
    output: dict[str, Any] = {"name": name, "datatype": datatype_of(card.output), "shape": list(outputs.shape)}
    raw = outputs.astype(DATATYPES[output["datatype"]]).tobytes()
    values: list[Any] = outputs.ravel().tolist()
    if "classification" in parameters:
        values = _classified(card, outputs, parameters["classification"])
        shape = [len(outputs), len(values) // len(outputs)]
        output |= {"datatype": BYTES, "shape": shape}
        raw = b"".join(LENGTH.pack(len(text.encode())) + text.encode() for text in values)
    answer = {"model_name": card.model, "model_version": str(card.version), "outputs": [output]}
    if message.id is not None:
        answer["id"] = message.id
    if not parameters.get("binary_data", message.binary):
        output["data"] = values
        return AnyJson(answer)
    output["parameters"] = {"binary_data_size": len(raw)}
    head = json.dumps(answer).encode()
    return Response(head + raw, media_type="application/octet-stream", headers={HEADER: str(len(head))})


def _read(head: dict[str, Any], rest: bytes) -> Message:
    inputs = head.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise InvalidRequest("expected inputs: a list of tensors")
    given = []
    for one in inputs:
        tensor, rest = _tensor(one, rest)
        given.append(tensor)
    if rest:
        raise InvalidRequest(f"{len(rest)} bytes follow the last tensor")
    wanted = head.get("outputs") or []
    if not isinstance(wanted, list) or not all(isinstance(one, dict) and "name" in one for one in wanted):
        raise InvalidRequest("outputs must be a list of objects with a name")
    parameters = _parameters(head)
    identity = head.get("id")
    return Message(
        given,
        {str(one["name"]): _parameters(one) for one in wanted},
        binary=bool(parameters.get("binary_data_output", False)),
        id=None if identity is None else str(identity),
    )


def _tensor(one: dict[str, Any], rest: bytes) -> tuple[Given, bytes]:
    """One input, and the raw bytes that are left for those behind it."""
    name, datatype, shape = one.get("name"), one.get("datatype"), one.get("shape")
    if not isinstance(name, str) or not (datatype == BYTES or datatype in DATATYPES):
        raise InvalidRequest(f"an input needs a name and a datatype ({', '.join([*DATATYPES, BYTES])})")
    if not isinstance(shape, list) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise InvalidRequest(f"{name} needs a shape: a list of numbers")
    size = _parameters(one).get("binary_data_size")
    if size is None:
        return Given(name, str(datatype), _from_json(name, str(datatype), shape, one.get("data"))), rest
    if not isinstance(size, int) or not 0 <= size <= len(rest):
        raise InvalidRequest(f"{name} says binary_data_size {size}, and {len(rest)} bytes are there")
    return Given(name, str(datatype), _from_raw(name, str(datatype), shape, rest[:size])), rest[size:]


def _from_json(name: str, datatype: str, shape: list[int], data: Any) -> Any:
    if not isinstance(data, list):
        raise InvalidRequest(f"{name} has neither data nor binary_data_size")
    if datatype == BYTES:
        try:
            return [base64.b64decode(text, validate=True) for text in data]
        except (TypeError, ValueError, binascii.Error):
            raise InvalidRequest(f"{name}: BYTES in JSON are base64") from None
    try:
        values = np.asarray(data, DATATYPES[datatype])
    except (ValueError, TypeError, OverflowError):
        raise InvalidRequest(f"{name}: data are not {datatype} numbers") from None
    return _shaped(name, values, shape)


def _from_raw(name: str, datatype: str, shape: list[int], raw: bytes) -> Any:
    if datatype == BYTES:
        return _elements(name, raw)
    if len(raw) % DATATYPES[datatype].itemsize:
        raise InvalidRequest(f"{name}: {len(raw)} bytes are no whole number of {datatype}")
    return _shaped(name, np.frombuffer(raw, DATATYPES[datatype]), shape)


def _shaped(name: str, values: Array, shape: list[int]) -> Array:
    if values.size != math.prod(shape):
        raise InvalidRequest(f"{name} has {values.size} numbers, and shape {shape} needs {math.prod(shape)}")
    return values.reshape(shape)


def _elements(name: str, raw: bytes) -> list[bytes]:
    """The elements of a BYTES tensor, each behind its length."""
    found, at = [], 0
    while at < len(raw):
        if at + LENGTH.size > len(raw):
            raise InvalidRequest(f"{name}: a length is cut off")
        (length,) = LENGTH.unpack_from(raw, at)
        at += LENGTH.size
        if at + length > len(raw):
            raise InvalidRequest(f"{name}: an element is cut off")
        found.append(raw[at : at + length])
        at += length
    return found


def _classified(card: Card, outputs: Array, most: Any) -> list[str]:
    """`value:index:label` of the likeliest, for each example."""
    if not isinstance(most, int) or most < 1:
        raise InvalidRequest("classification must be a number of labels, at least 1")
    order = np.argsort(-outputs, axis=1, kind="stable")[:, :most]
    return [
        f"{outputs[row, index]:.6f}:{index}:{card.labels[index]}" for row in range(len(outputs)) for index in order[row]
    ]


def _parameters(one: dict[str, Any]) -> dict[str, Any]:
    parameters = one.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidRequest("parameters must be an object")
    return parameters
