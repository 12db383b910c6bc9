"""``model.json``: which keys it holds, of which types and within which bounds.

What a task fitted is checked by that task; here stands what every reader relies on before it
looks further: the network a graph must agree with, and the list of the other files.
"""

from __future__ import annotations

import re
from typing import Any

from seqcli.errors import UsageError
from seqcli.network import CODE_PLACE, KMERS, InputSpec, NetworkSpec
from seqcli.options import Options
from seqcli.saved.files import MAX_FILE_BYTES, damaged, shown
from seqcli.saved.graph_check import Port, Signature
from seqcli.saved.graph_operators import MOST_TAPS
from seqcli.saved.translator import fits_translator, valid_attention

FORMAT = 1
TYPES: dict[str, type] = {
    "task": dict,
    "network": dict,
    "metrics": dict,
    "options": dict,
    "typed": list,
    "seed": int,
    "threads": int,
    "steps": int,
    "versions": dict,
    "data": dict,
    "created": str,
    "files": dict,
}
"""Keys that every model.json of format 1 has, with their JSON types."""
WEIGHTS, HISTORY, CARD = "weights.safetensors", "history.jsonl", "README.md"
GRAPH_FILE = re.compile(r"graphs/([a-z][a-z0-9_]{0,31})\.onnx")
MAX_GRAPHS = 16
SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
MOST_MEMBERS = 64
MOST_CONVOLUTIONS = 16
KINDS = ("tokens", "bags", "values", "dense", "ahead")
MAX_SIZE = 2**24
"""Largest size of an axis of the network (a vocabulary, a hidden state, a horizon)."""


def check_record(record: Any, where: str) -> NetworkSpec:
    """The network that a parsed ``model.json`` describes, once all its required keys hold.

    Raises :class:`~seqcli.errors.ModelError` that names the key.
    """
    if not isinstance(record, dict) or type(record.get("format")) is not int:
        damaged(where, "is not the description of a model")
    if record["format"] != FORMAT:
        damaged(where, f"has format {record['format']}; this seqcli reads format {FORMAT}")
    for key, kind in TYPES.items():
        if type(record.get(key)) is not kind:
            damaged(where, f"{key} is missing or is no {kind.__name__}")
    task, data = record["task"], record["data"]
    if not isinstance(task.get("name"), str) or not NAME.fullmatch(task["name"]):
        damaged(where, "task has no valid name")
    if not isinstance(data.get("source"), str) or not isinstance(data.get("digest"), str):
        damaged(where, "data names no source or digest")
    if type(data.get("rows")) is not int or data["rows"] < 0 or record["steps"] < 0:
        damaged(where, "rows or steps is no count")
    if not 0 < record["threads"] <= 1024:
        damaged(where, "threads is no number of threads")
    _check_options(record, where)
    _check_shown(record, where)
    _check_files(record["files"], where)
    return _network(record["network"], where)


def _check_options(record: dict[str, Any], where: str) -> None:
    """Options that this version knows, with values of the kinds that options have."""
    try:
        Options.from_flat(record["options"])
    except (UsageError, TypeError):
        damaged(where, "options holds what no option is called")
    if not all(isinstance(name, str) and NAME.fullmatch(name) for name in record["typed"]):
        damaged(where, "typed does not list options")
    defaults = Options().to_flat()
    for name, value in record["options"].items():
        items = value if isinstance(value, list) else [value]
        if isinstance(defaults[name], list) != isinstance(value, list) or not all(map(_scalar, items)):
            damaged(where, f"option {name} has an impossible value")


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _check_shown(record: dict[str, Any], where: str) -> None:
    """What is only printed: metrics by predictor, and versions by package."""
    for values in record["metrics"].values():
        if not isinstance(values, dict) or not all(
            value is None or type(value) in (int, float) for value in values.values()
        ):
            damaged(where, "metrics holds something else than numbers")
    if not all(isinstance(version, str) for version in record["versions"].values()):
        damaged(where, "versions holds something else than text")


def _check_files(files: dict[str, Any], where: str) -> None:
    """Names, sizes and digests of the other files."""
    graphs = [name for name in files if GRAPH_FILE.fullmatch(name)]
    others = set(files) - set(graphs)
    if others != {WEIGHTS, HISTORY, CARD} or not 1 <= len(graphs) <= MAX_GRAPHS:
        damaged(where, "files does not list what a model holds")
    for name, entry in files.items():
        if not isinstance(entry, dict):
            damaged(where, f"files does not describe {shown(name)}")
        size, sha256 = entry.get("size"), entry.get("sha256")
        if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
            damaged(where, f"files states no possible size for {name}")
        if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
            damaged(where, f"files states no SHA-256 for {name}")


def _network(data: dict[str, Any], where: str) -> NetworkSpec:
    """The network spec, with every size within bounds."""
    try:
        spec = NetworkSpec.from_json(data)
    except (TypeError, KeyError, ValueError, AttributeError):
        damaged(where, "network is not described as a network")
    sizes = [spec.hidden_size, spec.num_layers, spec.time_range, *spec.output_shape]
    names = [spec.cell, *(spec.pools if isinstance(spec.pool, str) else (spec.pool,)), spec.init]
    if not spec.inputs or len(spec.inputs) > 64 or not all(_valid_input(item) for item in spec.inputs):
        damaged(where, "network has an impossible input")
    if len({item.field for item in spec.inputs}) != len(spec.inputs):
        damaged(where, "network reads one field twice")
    if (
        not spec.output_shape
        or len(spec.output_shape) > 4
        or not all(map(_size, sizes))
        or spec.num_layers > 64
    ):
        damaged(where, "network has an impossible size")
    if not all(isinstance(name, str) and NAME.fullmatch(name) for name in names):
        damaged(where, "network names no cell, pooling or initialisation")
    shares = [spec.dropout, spec.word_dropout]
    shares += [] if spec.embedding_dropout is None else [spec.embedding_dropout]
    switches = [spec.bidirectional, spec.variational]
    if not all(map(_share, shares)) or not all(type(switch) is bool for switch in switches):
        damaged(where, "network has an impossible direction or dropout")
    if type(spec.streams) is not bool or (spec.streams and (spec.pool != "none" or spec.bidirectional)):
        damaged(where, "network streams, but pools or reads backwards")
    carries = not (spec.bidirectional or spec.streams or spec.skip) and spec.pool == "last"
    carries = carries and spec.decoder != "parallel" and spec.segment == 1
    if type(spec.stateful) is not bool or (spec.stateful and not carries):
        damaged(where, "network carries a state that it cannot have")
    if not _valid_chain(spec) if spec.chain else not _valid_members(spec):
        damaged(where, "network has an impossible chain")
    if not _valid_stem(spec):
        damaged(where, "network has impossible convolutions or strands")
    if not _valid_decoder(spec):
        damaged(where, "network has an impossible decoder")
    if not valid_attention(spec) or not _valid_bottleneck(spec):
        damaged(where, "network has an impossible attention or bottleneck")
    if type(spec.band) is not bool or (spec.band and (spec.pool == "none" or spec.chain)):
        damaged(where, "network says a band around no number")
    if spec.skip and (len(spec.skip) != spec.output_shape[-1] or not _valid_skip(spec)):
        damaged(where, "network skips from a column that it does not read")
    return spec


def _size(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_SIZE


def _share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1


def _valid_input(item: InputSpec) -> bool:
    embeds = _size(item.embedding_size) if item.embedded else item.embedding_size == 0
    name = isinstance(item.field, str) and NAME.fullmatch(item.field) and item.field != "lengths"
    return bool(name) and item.kind in KINDS and _size(item.size) and _size(item.usual) and embeds


def _valid_chain(spec: NetworkSpec) -> bool:
    """Whether each step has one of so many classes, and a row for each and for the start bars only those."""
    classes = spec.output_shape[0]
    alone = spec.pool == "none" and len(spec.output_shape) == 1 and not spec.streams and not spec.skip
    rows = len(spec.chain) == classes + 1
    few = type(spec.members) is int and 1 <= spec.members <= MOST_MEMBERS
    return alone and few and rows and all(0 <= tag < classes for row in spec.chain for tag in row)


def _valid_members(spec: NetworkSpec) -> bool:
    """Whether networks without a chain may stand side by side: each reads whole rows, or there is one."""
    few = type(spec.members) is int and 1 <= spec.members <= MOST_MEMBERS
    return few and (spec.members == 1 or _reads_rows(spec))


def _reads_rows(spec: NetworkSpec) -> bool:
    """Whether the network reads a whole row, to answer it or each of its steps."""
    return not (spec.streams or spec.stateful or spec.skip) and spec.decoder == "direct"


def _valid_stem(spec: NetworkSpec) -> bool:
    """Whether convolutions read numbers alone, a jump leaves one answer a row, and strands are of DNA."""
    counts = (spec.stem, spec.stem_kernel, spec.stem_stride)
    if any(type(count) is not int for count in counts) or not _size(spec.stem_width):
        return False
    if not 0 <= spec.stem <= MOST_CONVOLUTIONS or not 1 <= spec.stem_kernel <= MOST_TAPS:
        return False
    noise, strands = spec.noise, spec.both_strands
    if type(strands) is not bool or type(noise) not in (int, float) or not 0 <= noise <= 1:
        return False
    values = [item for item in spec.inputs if item.kind == "values"]
    if strands and not (_reads_rows(spec) and values and values[0].field == "bases" and values[0].size == 4):
        return False
    if not spec.stem:
        return spec.stem_stride == 1
    numbers = all(item.kind in ("values", "dense") or item.field == KMERS for item in spec.inputs)
    whole = not (spec.streams or spec.stateful or spec.skip) and spec.decoder == "direct"
    return (
        numbers
        and whole
        and spec.stem_stride in (1, *((2, 4, 8) if spec.pool != "none" or spec.bottleneck else ()))
    )


def _valid_decoder(spec: NetworkSpec) -> bool:
    """Whether segments, targets and what is known ahead agree with how the horizon is made."""
    kinds = [item.kind for item in spec.inputs]
    if type(spec.each_target) is not bool or not _size(spec.segment):
        return False
    if spec.decoder == "direct":
        return spec.segment == 1 and not spec.each_target and "ahead" not in kinds
    values = sum(item.size for item in spec.inputs if item.kind == "values")
    sized = len(spec.output_shape) == 2 and values >= spec.output_shape[1] and spec.hidden_size > 1
    alone = not spec.bidirectional and spec.pool == "last" and not spec.skip and not spec.streams
    return spec.decoder in ("parallel", "recursive") and sized and alone and set(kinds) <= {"values", "ahead"}


def _valid_bottleneck(spec: NetworkSpec) -> bool:
    """Whether a network has no code, or one of a series of numbers whose every step is written again."""
    if spec.bottleneck == 0:
        return type(spec.bottleneck) is int
    kinds = {item.field: item.kind for item in spec.inputs}
    read = set(kinds.values()) == {"values"} and CODE_PLACE in kinds and len(spec.output_shape) == 1
    whole = spec.pool == "none" and spec.decoder == "direct" and spec.members == 1 and not spec.attention
    alone = not (spec.streams or spec.stateful or spec.band or spec.chain or spec.skip or spec.tied)
    return _size(spec.bottleneck) and read and whole and alone


def _valid_skip(spec: NetworkSpec) -> bool:
    values = [item.size for item in spec.inputs if item.kind == "values"]
    return bool(values) and all(0 <= column < values[0] for column in spec.skip)


def batch_signature(spec: NetworkSpec) -> Signature:
    """What the graph "batch" of a network must take and give.

    Inputs: tokens int64 (B, T), bags int64 (B, T, K), values float32 (B, T, F), dense float32 (B, D), ahead
    float32 (B, horizon, A), and ``lengths`` int64 (B,). Output: ``output`` float32 (B, *answer_shape), or
    (B, T, *output_shape) without pooling.
    """
    ports: dict[str, tuple[str, tuple[int | None, ...]]] = {
        "tokens": ("I", (None, None)),
        "bags": ("I", (None, None, None)),
        "values": ("F", (None, None)),
        "dense": ("F", (None,)),
        "ahead": ("F", (None, spec.output_shape[0])),
    }
    inputs = {
        item.field: Port(
            ports[item.kind][0], (*ports[item.kind][1], *(() if item.embedded else (item.size,)))
        )
        for item in spec.inputs
    }
    inputs["lengths"] = Port("I", (None,))
    steps = (None,) if spec.pool == "none" else ()
    return Signature(inputs, {"output": Port("F", (None, *steps, *spec.answer_shape))})


def is_step_signature(signature: Signature, spec: NetworkSpec) -> bool:
    """Whether a graph "step" takes and gives what the network does, one or more steps at a time.

    That is :func:`batch_signature` without ``lengths``, and for each state an input (B, H) called
    NAME and an output (B, H) called next_NAME.
    """
    whole = batch_signature(spec)
    fields = {name: port for name, port in whole.inputs.items() if name != "lengths"}
    states = {name: port for name, port in signature.inputs.items() if name not in fields}
    state = Port("F", (None, spec.hidden_size))
    return signature == Signature(
        {**fields, **dict.fromkeys(states, state)},
        {**whole.outputs, **{f"next_{name}": state for name in states}},
    )


def fits_network(name: str, signature: Signature, spec: NetworkSpec) -> bool:
    """Whether a graph called ``name`` takes and gives what the network of ``spec`` does."""
    if spec.attention:
        return fits_translator(name, signature, spec)
    if name == "batch":
        return signature == batch_signature(spec)
    return name != "step" or is_step_signature(signature, spec)
