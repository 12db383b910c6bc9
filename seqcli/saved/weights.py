"""``weights.safetensors`` without the torch-bound half of the safetensors package.

The format (https://github.com/huggingface/safetensors): eight bytes of little-endian header
length, a JSON header ``{name: {dtype, shape, data_offsets}}``, then the tensors' bytes end to end.
A header is believed only when its tensors fill the rest of the file exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqcli.saved.files import damaged, parse_json, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_HEADER_BYTES = 4 * 2**20
MAX_TENSORS = 10_000
MAX_RANK = 8
ITEM_BYTES = {"F32": 4, "F64": 8, "I64": 8, "I32": 4}
NUMPY_DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4"}
TENSOR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,199}")


def pack_weights(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a safetensors file; equal weights give equal bytes.

    Raises ValueError for a name, dtype or shape that :func:`weights_header` would refuse.
    """
    import numpy as np
    from safetensors.numpy import save

    for name, values in weights.items():
        if not TENSOR_NAME.fullmatch(name) or values.dtype.str not in NUMPY_DTYPES.values():
            raise ValueError(f"a model cannot hold the weight {name!r} of type {values.dtype}")
    return bytes(save({name: np.ascontiguousarray(values) for name, values in weights.items()}))


def weights_header(data: bytes, where: str) -> dict[str, dict[str, Any]]:
    """Name → ``{dtype, shape, data_offsets}`` of every tensor, in file order, fully checked.

    Raises :class:`ModelError` unless the tensors fill the file without gap or overlap.
    """
    if len(data) < 8:
        damaged(where, "is too short to hold weights")
    header_bytes = int.from_bytes(data[:8], "little")
    if header_bytes > min(len(data) - 8, MAX_HEADER_BYTES):
        damaged(where, f"states a header of {header_bytes} bytes")
    header = parse_json(data[8 : 8 + header_bytes], where)
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        damaged(where, "has a header that lists no tensors")
    tensors = {name: _tensor(name, entry, where) for name, entry in header.items() if name != "__metadata__"}
    ordered = dict(sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]))
    position = 0
    for name, entry in ordered.items():
        start, stop = entry["data_offsets"]
        if start != position or stop - start != math.prod(entry["shape"]) * ITEM_BYTES[entry["dtype"]]:
            damaged(where, f"tensor {shown(name)} does not fill its place")
        position = stop
    if position != len(data) - 8 - header_bytes:
        damaged(where, "holds bytes that belong to no tensor")
    return ordered


def _tensor(name: str, entry: Any, where: str) -> dict[str, Any]:
    """One header entry with its types checked."""
    if not TENSOR_NAME.fullmatch(name):
        damaged(where, f"holds a tensor called {shown(name)}")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        damaged(where, f"tensor {shown(name)} is not described by dtype, shape and data_offsets")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in ITEM_BYTES:
        damaged(where, f"tensor {shown(name)} has the type {shown(entry['dtype'])}")
    if not _sizes(shape) or len(shape) > MAX_RANK or not _sizes(offsets) or len(offsets) != 2:
        damaged(where, f"tensor {shown(name)} has no valid shape or place")
    return entry


def _sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**40 for value in values)


def unpack_weights(data: bytes, where: str) -> dict[str, NDArray[Any]]:
    """Name → array (a writable copy) of every tensor; raises as :func:`weights_header`."""
    import numpy as np

    header = weights_header(data, where)
    base = 8 + int.from_bytes(data[:8], "little")
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        flat = np.frombuffer(data[base + start : base + stop], dtype=NUMPY_DTYPES[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"]).copy()
    return arrays
