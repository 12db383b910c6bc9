"""The model directory ``STEM.seqcli/``: the only place that knows its format.

    model.json            format, task, column plan, fitted preprocessing, network, metrics, seed,
                          versions, data digest, resolved options; size, shape and SHA-256 of the rest
    weights.safetensors   the network's weights
    graphs/NAME.onnx      what inference runs: "batch", and others a task may add
    history.jsonl         one line an epoch
    README.md             the model card

Nothing in it is executable, nothing is followed out of it, and nothing is believed: reading checks
names, types, sizes, shapes and digests before memory is taken, and every failure is one
:class:`~seqcli.errors.ModelError`. Neither torch nor onnx nor NumPy is imported to read one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqcli.errors import ModelError, UsageError, near_miss
from seqcli.network import NetworkSpec
from seqcli.saved import files
from seqcli.saved.files import damaged, shown
from seqcli.saved.graph_check import check_graph
from seqcli.saved.graph_wire import WireError
from seqcli.saved.places import (
    age_text,
    default_target,
    directory_meant,
    leftover,
    models_in,
    old_dir,
    partial_dir,
    staging_dir,
    waiting_dir,
)
from seqcli.saved.record import (
    CARD,
    FORMAT,
    GRAPH_FILE,
    HISTORY,
    WEIGHTS,
    check_record,
    fits_network,
)
from seqcli.saved.swap import clear_partial, lock, put_in_place
from seqcli.saved.weights import pack_weights, unpack_weights, weights_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "TASK_ARRAY",
    "SavedModel",
    "agrees",
    "check_target",
    "clear_partial",
    "default_target",
    "find_model",
    "leftover",
    "lock",
    "models_in",
    "old_dir",
    "partial_dir",
    "read_model",
    "write_model",
]

RECORD = "model.json"
TASK_ARRAY = "task."
"""Ahead of the names of arrays that belong to the task and not to the network."""
TOP_LEVEL = {RECORD, WEIGHTS, HISTORY, CARD, "graphs"}


# ---- reading ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class SavedModel:
    """A model directory that was read and checked whole."""

    path: Path
    record: dict[str, Any]
    network: NetworkSpec
    graphs: Mapping[str, bytes]
    """Serialized ONNX model by name; each passed the check."""

    def graph(self, name: str = "batch") -> bytes:
        """The serialized graph ``name``. Raises :class:`ModelError` when the model has none."""
        if name not in self.graphs:
            raise ModelError(f"{self.path}: the model has no graph {name!r}", "train it again")
        return self.graphs[name]

    def content(self, name: str) -> bytes:
        """The bytes of one file that is no graph; checked again."""
        directory = _open_model(self.path)
        try:
            return _content(name, directory, self.path, self.record["files"])
        finally:
            os.close(directory)

    def weights(self, of_task: bool = False) -> dict[str, NDArray[Any]]:
        """Name → array of every weight of the network, or of what the task fitted; checked again."""
        found = unpack_weights(self.content(WEIGHTS), f"{self.path}/{WEIGHTS}").items()
        return {
            name.removeprefix(TASK_ARRAY): w for name, w in found if name.startswith(TASK_ARRAY) == of_task
        }

    def options(self) -> dict[str, Any]:
        """The options it was trained with, a time budget as it was typed though it is saved as steps."""
        return {**self.record["options"], "time_budget": self.record["data"].get("time_budget")}

    def age(self, now: datetime | None = None) -> str:
        """How long ago the model was made: "3 days old"."""
        return age_text(self.record["created"], now or datetime.now(UTC))


def read_model(path: Path | str) -> SavedModel:
    """Read and check a model directory.

    Raises :class:`ModelError` for everything that is not a whole, unchanged model of this format.
    A directory that another process swaps meanwhile is read again, so the old model or the new one
    comes back, never parts of both.
    """
    path = Path(path)
    while True:
        directory = _open_model(path)
        try:
            return _read(path, directory)
        except ModelError:
            if not _was_swapped(path, directory):
                raise
        finally:
            os.close(directory)


def _open_model(path: Path) -> int:
    """A descriptor of the model directory, or of the complete one that is about to take its place."""
    for place in (path, waiting_dir(path), path):
        try:
            return files.open_directory(place)
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            hint = f"-m takes a directory such as {directory_meant(path)}"
            raise ModelError(f"{path}: a model is a directory, this is a file", hint) from None
        except (OSError, ValueError) as error:
            what = files.reason(error) if isinstance(error, OSError) else str(error)
            raise ModelError(f"{shown(str(path))}: cannot be read ({what})") from None
    close = near_miss(path.name, [found.name for found in models_in(path.parent)])
    raise ModelError(
        f"{path}: there is no such model",
        f"did you mean {path.with_name(close)}?" if close else "train one with: seqcli train FILE",
    )


def _was_swapped(path: Path, directory: int) -> bool:
    """Does ``path`` name another directory now than the open one?"""
    for place in (path, waiting_dir(path), path):  # it may move from the second to the first meanwhile
        with suppress(OSError):
            return not os.path.samestat(place.stat(), os.fstat(directory))
    return False


def _read(path: Path, directory: int) -> SavedModel:
    """Read and check everything in an open model directory."""
    where = f"{path}/{RECORD}"
    entries = set(_names(directory, path))
    if RECORD not in entries:
        raise ModelError(
            f"{path}: is not a model ({RECORD} is missing)", "name a directory that seqcli train wrote"
        )
    record = files.parse_json(files.read_bytes(RECORD, directory, where, files.MAX_JSON_BYTES), where)
    network = check_record(record, where)
    foreign = sorted(entries - TOP_LEVEL)
    if foreign:
        raise ModelError(
            f"{path}: holds {shown(foreign[0])}, which no model does", "remove it, or train again"
        )
    listed = record["files"]
    _check_weights(directory, f"{path}/{WEIGHTS}", listed[WEIGHTS])
    history = _content(HISTORY, directory, path, listed)
    if history and not history.endswith(b"\n"):
        damaged(f"{path}/{HISTORY}", "is cut short")
    for number, line in enumerate(history.splitlines(), start=1):
        if not isinstance(files.parse_json(line, f"{path}/{HISTORY}, line {number}"), dict):
            damaged(f"{path}/{HISTORY}, line {number}", "is not a JSON object")
    try:
        _content(CARD, directory, path, listed).decode()
    except UnicodeDecodeError:
        damaged(f"{path}/{CARD}", "is not UTF-8 text")
    return SavedModel(path, record, network, _read_graphs(path, directory, listed, network))


def _names(directory: int, path: Path) -> list[str]:
    """Names in an open directory, without the hidden ones that file managers leave behind."""
    try:
        return [name for name in os.listdir(directory) if not name.startswith(".")]
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({files.reason(error)})") from None


def _content(name: str, directory: int, path: Path, listed: Mapping[str, Any]) -> bytes:
    entry = listed[name]
    return files.read_checked(Path(name).name, directory, f"{path}/{name}", entry["size"], entry["sha256"])


def _check_weights(directory: int, where: str, entry: Mapping[str, Any]) -> None:
    """Compare the weights with their description; nothing of them is kept."""
    data = files.read_checked(WEIGHTS, directory, where, entry["size"], entry["sha256"])
    if _tensors(data, where) != entry.get("tensors"):
        damaged(where, "holds other tensors than model.json lists")


def _tensors(data: bytes, where: str) -> dict[str, Any]:
    """Name → [dtype, shape] as model.json lists them."""
    return {name: [item["dtype"], item["shape"]] for name, item in weights_header(data, where).items()}


def _read_graphs(
    path: Path, directory: int, listed: Mapping[str, Any], network: NetworkSpec
) -> dict[str, bytes]:
    """Every graph by name, checked on its own and against the network of the record."""
    try:
        inside = files.open_directory("graphs", directory)
    except OSError:
        damaged(f"{path}/graphs", "is not a directory of graphs")
    graphs: dict[str, bytes] = {}
    try:
        present = {f"graphs/{name}" for name in _names(inside, path / "graphs")}
        foreign = sorted(present - set(listed))
        if foreign:
            raise ModelError(
                f"{path}: holds {shown(foreign[0])}, which no model does", "remove it, or train again"
            )
        for name in listed:
            match = GRAPH_FILE.fullmatch(name)
            if match:
                data = _content(name, inside, path, listed)
                _check_graph(match[1], data, f"{path}/{name}", listed[name], network)
                graphs[match[1]] = data
    finally:
        os.close(inside)
    return graphs


def _check_graph(name: str, data: bytes, where: str, entry: Mapping[str, Any], network: NetworkSpec) -> None:
    """Is this a graph of ours, with the inputs and outputs that model.json states?"""
    try:
        signature = check_graph(data)
    except WireError as error:
        damaged(where, f"is not a graph that seqcli wrote: {error}")
    if {key: entry.get(key) for key in ("inputs", "outputs")} != signature.to_json():
        damaged(where, "has other inputs or outputs than model.json lists")
    if not fits_network(name, signature, network):
        damaged(where, "does not take and give what the network in model.json does")


# ---- finding ---------------------------------------------------------------------------------


def find_model(explicit: str | None, cwd: Path | None = None) -> Path:
    """The model to use: the one named by ``-m``, else the only ``*.seqcli`` in ``cwd``.

    Raises :class:`ModelError` when there is none, and when there are several, which it lists.
    """
    if explicit == "":
        raise ModelError("the name of the model is empty", "a shell variable may not be set")
    if explicit is not None:
        return Path(explicit)
    found = models_in(cwd or Path())
    if not found:
        raise ModelError(
            "there is no model here", "name one with -m DIR, or train one with: seqcli train FILE"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:8]) + (", …" if len(found) > 8 else "")
        raise ModelError(
            f"there are {len(found)} models here: {names}", f"choose one, such as -m {found[0].name}"
        )
    return found[0]


def agrees(model: SavedModel, digests: Mapping[str, str], typed: Mapping[str, Any]) -> bool:
    """May a command use this model instead of training one?

    Yes when it was made from data with the same ``digests`` ("digest" of the file, "validation" and "test"
    of parts that have files of their own) and every training option that was typed has the value that the
    model was trained with. Values are JSON values, as in ``Options.to_flat``.
    """
    data = model.record["data"]
    if not all(digest and data.get(name) == digest for name, digest in digests.items()):
        return False
    saved = model.options()
    return all(name in saved and saved[name] == value for name, value in typed.items())


# ---- writing ---------------------------------------------------------------------------------


def check_target(target: Path, *, named: bool, source: str, task: str, force: bool) -> SavedModel | None:
    """May a training write ``target``? Returns the readable model it will replace, or None.

    A default-named directory (``named`` False) made from the same ``source`` and ``task`` is
    replaced; any other model needs ``force``; what is no model is never replaced. Raises
    :class:`UsageError`. Call it before anything is trained.
    """
    if not os.path.lexists(target) and not waiting_dir(target).is_dir():
        return None
    if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
        return None
    if target.is_symlink() or (target.exists() and not (target / RECORD).is_file()):
        raise UsageError(f"{target}: exists and is not a model", "choose another place with --save DIR")
    try:
        old = read_model(target)
    except ModelError as error:
        if force:
            return None
        raise UsageError(
            f"{target}: holds a model that cannot be read ({error.message})", "--force replaces it"
        ) from None
    same = old.record["data"]["source"] == source and old.record["task"]["name"] == task
    if force or (same and not named):
        return old
    kind = str(old.record["task"]["name"]).partition(".")[0]
    made_from = f"a {kind} model of {old.record['data']['source']}"
    hint = "--force replaces it; to keep it, give --save another DIR"
    raise UsageError(f"{target}: already holds {made_from}", hint)


def write_model(
    target: Path,
    record: Mapping[str, Any],
    weights: Mapping[str, NDArray[Any]],
    graphs: Mapping[str, bytes],
    history: Iterable[Mapping[str, Any]],
    card: str,
    *,
    keep_old: bool = False,
) -> None:
    """Write a model directory and put it in place in one step; a reader sees the old or the new one.

    ``record`` has the keys of ``model_record.TYPES`` except ``files``, which is made here, and may
    have more. With ``keep_old`` the directory that stood there becomes ``STEM.seqcli.old``. What
    was written is read back and checked first. Raises :class:`ResourceError` when the disk is
    full, :class:`UsageError` when the place cannot be written; then nothing is left behind.
    """
    staging = staging_dir(target)
    content = {
        WEIGHTS: pack_weights(weights),
        **{f"graphs/{name}.onnx": data for name, data in graphs.items()},
        HISTORY: files.as_lines(history),
        CARD: card.encode(),
    }
    described = {
        **record,
        "format": FORMAT,
        "files": {name: _describe(name, data) for name, data in content.items()},
    }
    content[RECORD] = _record_bytes(described)
    try:
        with files.disk_errors(target):
            files.remove_tree(staging)  # left by a writer that was killed
            (staging / "graphs").mkdir(parents=True)
            for name, data in content.items():
                files.write_file(staging / name, data)
            files.sync_directory(staging / "graphs")
            files.sync_directory(staging)
            read_model(staging)
            put_in_place(staging, target, keep_old=keep_old)
    finally:
        with suppress(OSError):
            files.remove_tree(staging)


def _describe(name: str, data: bytes) -> dict[str, Any]:
    """The entry of one file in model.json."""
    entry: dict[str, Any] = {"size": len(data), "sha256": files.digest(data)}
    if name == WEIGHTS:
        entry["tensors"] = _tensors(data, name)
    elif GRAPH_FILE.fullmatch(name):
        entry.update(check_graph(data).to_json())
    return entry


def _record_bytes(record: Mapping[str, Any]) -> bytes:
    """model.json with one line a key, so that a person can read it."""
    lines = (f"{files.to_json(key)}: {files.to_json(value)}" for key, value in record.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
