"""Protocol-buffer wire format, read strictly: the lowest layer of the ONNX graph check.

Wire format: https://protobuf.dev/programming-guides/encoding. Where a lenient parser takes the last
of several values, skips unknown fields or cuts numbers to 32 bits, this one refuses, so that
ONNX Runtime can never read another message out of the same bytes than the one checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VARINT, LENGTH = 0, 2


class WireError(ValueError):
    """The bytes are not the message that was expected."""


@dataclass(frozen=True)
class Kind:
    """How one field is written: its name, wire type, and whether and how often it may repeat.

    No message of ours needs the two fixed-width wire types.
    """

    name: str
    wire: int
    repeated: bool = False
    packed: bool = False
    limit: int = 100_000


Message = Mapping[int, Kind]
"""Field number → kind: all that a message may hold."""


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """The unsigned number at ``position`` and the position after it; at most 64 bits."""
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise WireError("a number is cut short or too long")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    if value >= 2**64:
        raise WireError("a number has more than 64 bits")
    return value, position


def signed(value: int) -> int:
    """The two's complement reading of a 64-bit varint."""
    return value - 2**64 if value >= 2**63 else value


def read_message(data: memoryview, message: Message) -> dict[str, Any]:
    """Field name → value (a list where the field repeats) of one message.

    Varints are unsigned int, length-delimited fields memoryviews. Raises
    :class:`WireError` for an unknown field, a repeated single field, a wrong wire type, too many
    values or bytes that end too soon.
    """
    found: dict[str, Any] = {kind.name: [] for kind in message.values() if kind.repeated}
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        kind, wire = message.get(tag >> 3), tag & 7
        if kind is None:
            raise WireError(f"field {tag >> 3} is not allowed here")
        if kind.packed and wire == LENGTH:
            chunk, position = _take(data, position)
            found[kind.name].extend(_packed(chunk, kind))
        elif wire != kind.wire:
            raise WireError(f"{kind.name} is written in the wrong way")
        else:
            value, position = _value(data, position, wire)
            if kind.repeated:
                found[kind.name].append(value)
            elif kind.name in found:
                raise WireError(f"{kind.name} is given twice")
            else:
                found[kind.name] = value
        if kind.repeated and len(found[kind.name]) > kind.limit:
            raise WireError(f"{kind.name} has more than {kind.limit} values")
    return found


def _value(data: memoryview, position: int, wire: int) -> tuple[Any, int]:
    """One value of a wire type that the message declares."""
    return varint(data, position) if wire == VARINT else _take(data, position)


def _take(data: memoryview, position: int) -> tuple[memoryview, int]:
    """A length-delimited value."""
    size, position = varint(data, position)
    if size > len(data) - position:
        raise WireError("a value reaches past its end")
    return data[position : position + size], position + size


def _packed(chunk: memoryview, kind: Kind) -> list[Any]:
    """The values of a packed repeated field."""
    values: list[Any] = []
    position = 0
    while position < len(chunk):
        value, position = varint(chunk, position)
        values.append(value)
        if len(values) > kind.limit:
            raise WireError(f"{kind.name} has more than {kind.limit} values")
    return values
