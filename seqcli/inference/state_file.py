"""Where a text stands, in a file: what the network knows of it, what is likely next, and the draws to come.

The file is a safetensors file of numbers alone. It belongs to one model, whose digest it holds; its names and
shapes are checked before any of it is used.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, ModelError
from seqcli.inference.generate import REMEMBERED, Beginning, Writer
from seqcli.model_dir import SavedModel
from seqcli.saved.weights import pack_weights, unpack_weights
from seqcli.sequences import AnyArray

VERSION = 1
MOST_BYTES = 2**26
STATE, FIXED = "state.", "given."
"""Ahead of the names of the network's states, and of what the whole text depends on."""
MOST_PENDING = 3
"""Bytes of a character that lacks its last one."""
_RANDOM = 6
"""Numbers of a generator: its state and its increment in two halves each, and a held half of a draw."""


@dataclass(frozen=True)
class Held:
    """What a file holds: where the text stands, and the generator of its draws."""

    beginning: Beginning
    rng: np.random.Generator


def state_bytes(model: SavedModel, writer: Writer, end: Beginning, rng: np.random.Generator) -> bytes:
    """The content of a state file; equal states give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {
        "version": np.array([VERSION], dtype=np.int64),
        "model": _digest(model),
        "logits": end.logits.astype(np.float32),
        "recent": end.recent,
        "line_ended": np.array([end.line_ended], dtype=np.int64),
        "pending": np.frombuffer(end.pending, dtype=np.uint8).astype(np.int64),
        "random": _random_numbers(rng),
        **{STATE + name: state.astype(np.float32) for name, state in end.states.items()},
        **{FIXED + name: value for name, value in writer.fixed.items()},
    }
    return pack_weights(arrays)


def read_state(path: str, model: SavedModel, writer: Writer) -> Held:
    """Read what :func:`state_bytes` wrote with the same model.

    What the text depends on is given to ``writer``, unless it was told another. Raises :class:`DataError` for
    any other file.
    """
    arrays = _arrays(path)
    if not np.array_equal(arrays.get("version", ()), [VERSION]):
        raise DataError(f"{path}: is no state that --state-out wrote", "name one that it did")
    if not np.array_equal(arrays.get("model", ()), _digest(model)):
        raise DataError(
            f"{path}: was written with another model than {model.path}",
            "-m names the one",
        )
    start = writer.begin("")
    wanted: dict[str, AnyArray] = {STATE + name: state for name, state in start.states.items()}
    wanted |= {FIXED + name: value for name, value in writer.fixed.items()}
    wanted |= {"logits": start.logits, "line_ended": np.zeros(1, dtype=np.int64)}
    wanted |= {"random": np.zeros(_RANDOM, dtype=np.int64)}
    own = {"version", "model", "recent", "pending"}
    same = arrays.keys() == {*wanted, *own} and all(
        arrays[name].shape == value.shape
        and arrays[name].dtype == value.dtype
        and bool(np.isfinite(arrays[name]).all())
        for name, value in wanted.items()
    )
    recent, pending = (arrays.get(name, np.zeros(0)) for name in ("recent", "pending"))
    size = start.logits.shape[1]
    if not same or not _ids(recent, REMEMBERED, size) or not _ids(pending, MOST_PENDING, 256):
        raise DataError(f"{path}: does not fit the network of {model.path}", "it is damaged: write it again")
    try:
        writer.take({name: arrays[FIXED + name] for name in writer.fixed})
    except ValueError as error:
        raise DataError(f"{path}: {error}", "it is damaged: write it again") from None
    states = {name: arrays[STATE + name] for name in start.states}
    ended = bool(arrays["line_ended"][0])
    beginning = Beginning("", arrays["logits"], states, "", recent, ended, bytes(pending.tolist()))
    return Held(beginning, _generator(arrays["random"], path))


def _ids(values: NDArray[Any], most: int, size: int) -> bool:
    """Whether these are at most so many whole numbers below ``size``, (N,)."""
    whole = values.dtype == np.int64 and values.ndim == 1 and len(values) <= most
    return whole and bool(((values >= 0) & (values < size)).all())


def _arrays(path: str) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file of reasonable size."""
    hint = "--state-in takes a file that --state-out wrote"
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})", hint) from None
    try:
        if len(content) > MOST_BYTES:
            raise ModelError("")
        return unpack_weights(content, path)
    except ModelError:
        raise DataError(f"{path}: is no state that --state-out wrote", hint) from None


def _digest(model: SavedModel) -> NDArray[np.int64]:
    """What tells a model from another: its task, its network and its weights, (4,)."""
    weights = model.record["files"]["weights.safetensors"]["sha256"]
    whole = json.dumps([model.record["task"], model.network.to_json(), weights], sort_keys=True)
    return np.frombuffer(hashlib.sha256(whole.encode("utf-8", "surrogatepass")).digest(), dtype="<i8")


def _random_numbers(rng: np.random.Generator) -> NDArray[np.int64]:
    """The state of a PCG64 generator, (6,)."""
    held: dict[str, Any] = dict(rng.bit_generator.state)
    numbers = held["state"]["state"].to_bytes(16, "little") + held["state"]["inc"].to_bytes(16, "little")
    half = [held["has_uint32"], held["uinteger"]]
    return np.concatenate([np.frombuffer(numbers, dtype="<i8"), np.array(half, dtype=np.int64)])


def _generator(numbers: NDArray[np.int64], path: str) -> np.random.Generator:
    """The generator that :func:`_random_numbers` was made of, (6,)."""
    raw = numbers.astype("<i8").tobytes()
    state, inc = (int.from_bytes(raw[start : start + 16], "little") for start in (0, 16))
    has, half = numbers[4:].tolist()
    if has not in (0, 1) or not 0 <= half < 2**32 or inc % 2 == 0:
        raise DataError(f"{path}: holds no state of a generator", "it is damaged: write it again")
    generator = np.random.PCG64(0)
    generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": state, "inc": inc},
        "has_uint32": has,
        "uinteger": half,
    }
    return np.random.Generator(generator)
