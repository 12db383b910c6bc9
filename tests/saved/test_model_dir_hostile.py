"""Directories that were damaged, or made to do harm: each is one ModelError, digests recomputed or not."""

from __future__ import annotations

import copy
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqcli.errors import ModelError
from seqcli.model_dir import read_model
from seqcli.saved import files, weights
from seqcli.saved.record import TYPES

FILES = ("model.json", "weights.safetensors", "graphs/batch.onnx", "history.jsonl", "README.md")
ATTACK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


def refused(model: Path, match: str | None = None) -> str:
    """The one-line message with which a directory is refused."""
    with pytest.raises(ModelError, match=match) as caught:
        read_model(model)
    assert "\n" not in caught.value.message + caught.value.hint
    assert str(model) in caught.value.message
    return caught.value.message


# ---- without recomputing digests -------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(saved, name) -> None:
    (saved / name).unlink()
    assert "is missing" in refused(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_anywhere(saved, name) -> None:
    data = (saved / name).read_bytes()
    for size in {*range(0, len(data), max(1, len(data) // 40)), len(data) - 2}:
        (saved / name).write_bytes(data[:size])  # model.json may lack its last line end
        refused(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_grew(saved, name) -> None:
    with open(saved / name, "ab") as file:
        file.write(b"}")
    refused(saved)


@pytest.mark.parametrize("name", FILES[1:])
def test_every_changed_byte_is_seen(saved, name) -> None:
    data = bytearray((saved / name).read_bytes())
    for position in range(0, len(data), max(1, len(data) // 30)):
        data[position] ^= 1
        (saved / name).write_bytes(data)
        assert "checksum" in refused(saved)
        data[position] ^= 1


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_not_followed_even_to_the_right_content(saved, name, tmp_path) -> None:
    real = tmp_path / "real"
    (saved / name).rename(real)
    (saved / name).symlink_to(real)
    assert "is a link" in refused(saved)


def test_a_linked_directory_of_graphs(saved, tmp_path) -> None:
    (saved / "graphs").rename(tmp_path / "graphs")
    (saved / "graphs").symlink_to(tmp_path / "graphs")
    assert "not a directory of graphs" in refused(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_directory_or_a_pipe_in_the_place_of_a_file(saved, name) -> None:
    (saved / name).unlink()
    (saved / name).mkdir()
    assert "not a regular file" in refused(saved)
    (saved / name).rmdir()
    os.mkfifo(saved / name)  # opening it must not wait for a writer
    assert "not a regular file" in refused(saved)


@pytest.mark.parametrize("name", ["weights.pkl", "model.pt", "graphs/other.onnx", "graphs/batch.data", "sub"])
def test_files_that_no_model_has(saved, name) -> None:
    (saved / name).write_bytes(b"\x80\x04.")
    assert Path(name).name in refused(saved, "which no model does")


def test_names_that_would_garble_the_message(saved) -> None:
    (saved / "\x1b[2J\nfine").write_text("")
    assert "\x1b" not in refused(saved, "which no model does")


def test_what_file_managers_leave_behind_is_ignored(saved) -> None:
    (saved / ".DS_Store").write_bytes(b"\0")
    (saved / "graphs" / "._batch.onnx").write_bytes(b"\0")
    assert read_model(saved).record["seed"] == 0


def test_an_unreadable_file(saved, monkeypatch) -> None:
    real = os.open

    def refuse(path, *args, **kwargs):
        if path == "weights.safetensors":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    assert "permission denied" in refused(saved)


def test_a_file_that_changes_while_it_is_read(saved, monkeypatch) -> None:
    real = files.open_regular

    def shrinking(name, directory, where):
        handle, size = real(name, directory, where)
        return handle, size + (name == "model.json")

    monkeypatch.setattr(files, "open_regular", shrinking)
    refused(saved, "changed while it was read")


def test_a_directory_that_cannot_be_listed(saved, monkeypatch) -> None:
    def listdir(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "listdir", listdir)
    refused(saved, "input/output error")


def test_a_directory_that_is_only_a_name(tmp_path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_model("bad\0name")
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path / ("x" * 300))


def test_a_huge_sparse_file_is_refused_by_its_size_alone(saved) -> None:
    for name, match in (("graphs/batch.onnx", "bytes instead of"), ("model.json", "more than any")):
        os.truncate(saved / name, 2**40)
        refused(saved, match)


# ---- digests recomputed: the other files -----------------------------------------------------


@pytest.mark.parametrize("name", FILES[1:])
def test_cut_short_with_digest_recomputed(saved, name, rehash) -> None:
    data = (saved / name).read_bytes()
    for size in range(0, len(data), max(1, len(data) // 30)):
        (saved / name).write_bytes(data[:size])
        rehash(saved)
        if name == "README.md" or (name == "history.jsonl" and size == 0):
            read_model(saved)  # a shorter card is a card, and no epochs are a history
        else:
            refused(saved)


@ATTACK
@given(data=st.data())
def test_changed_bytes_with_digest_recomputed(saved, rehash, data, tmp_path) -> None:
    """Weights may change unseen, their meaning is not checked; nothing else may happen than an error."""
    model = tmp_path / "attacked"
    shutil.rmtree(model, ignore_errors=True)
    shutil.copytree(saved, model)
    name = data.draw(st.sampled_from(FILES[1:4]))
    content = bytearray((model / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (model / name).write_bytes(content)
    rehash(model)
    try:
        read = read_model(model)
    except ModelError:
        return
    assert {key: array.shape for key, array in read.weights().items()} == {
        key: array.shape for key, array in read_model(saved).weights().items()
    }


@pytest.mark.parametrize(
    "line", [b"[1]", b"{", b'{"a": NaN}', b'{"a":1}{"b":2}', b"\xff", b"", b'{"a":1,"a":2}']
)
def test_a_history_that_is_not_json_lines(saved, line, rehash) -> None:
    (saved / "history.jsonl").write_bytes(b'{"epoch": 1}\n' + line + b"\n")
    rehash(saved)
    assert "history.jsonl, line 2" in refused(saved)


def test_a_card_that_is_not_text(saved, rehash) -> None:
    (saved / "README.md").write_bytes(b"\xff\xfe\x00")
    rehash(saved)
    refused(saved, "not UTF-8")


def test_weights_that_disagree_with_the_record(saved, rehash) -> None:
    rehash(saved, lambda record: record["files"]["weights.safetensors"]["tensors"]["w"][1].reverse())
    refused(saved, "other tensors than")
    rehash(saved, lambda record: record["files"]["weights.safetensors"].pop("tensors"))
    refused(saved, "other tensors than")


def test_a_graph_that_disagrees_with_the_record(saved, rehash) -> None:
    rehash(saved, lambda record: record["files"]["graphs/batch.onnx"]["outputs"].update(more=["F", [None]]))
    refused(saved, "other inputs or outputs")


@pytest.mark.parametrize(
    "change",
    [
        {"output_shape": [3]},
        {"output_shape": [2, 1]},
        {"inputs": [{"field": "words", "kind": "tokens", "size": 7, "embedding_size": 3}]},
        {"inputs": [{"field": "tokens", "kind": "values", "size": 7, "embedding_size": 0}]},
        {"inputs": [{"field": "tokens", "kind": "bags", "size": 7, "embedding_size": 3}]},
    ],
    ids=["classes", "rank", "name", "kind", "bags"],
)
def test_a_graph_that_disagrees_with_the_network(saved, rehash, change) -> None:
    rehash(saved, lambda record: record["network"].update(change))
    refused(saved, "what the network in model.json does")


# ---- weights.safetensors ---------------------------------------------------------------------


def header(text: str, body: bytes = b"") -> bytes:
    """A safetensors file with this header."""
    return len(text.encode()).to_bytes(8, "little") + text.encode() + body


def tensor(shape: object = (2,), place: object = (0, 8), dtype: object = "F32") -> str:
    """One entry of a header."""
    return json.dumps({"dtype": dtype, "shape": shape, "data_offsets": place})


def one(entry: str, body: bytes = b"12345678", name: str = "a") -> bytes:
    """A file that says to hold one tensor."""
    return header(f'{{"{name}":{entry}}}', body)


def two(first: str, second: str, body: bytes) -> bytes:
    """A file that says to hold two."""
    return header(f'{{"a":{first},"b":{second}}}', body)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "too short"),
        (b"\x02\0\0\0", "too short"),
        (b"\xff" * 8, "states a header"),
        ((2**63).to_bytes(8, "little") + b"{}", "states a header"),
        (header("[]"), "lists no tensors"),
        (header("{"), "not valid JSON"),
        (header("{}", b"x"), "belong to no tensor"),
        (one(tensor(), b""), "belong to no tensor"),
        (one(tensor(), b"1234567"), "belong to no tensor"),
        (one(tensor(), b"123456789"), "belong to no tensor"),
        (header(f'{{"a":{tensor()},"a":{tensor()}}}', b"12345678"), "repeated"),
        (two(tensor(), tensor([1], [4, 8]), b"12345678"), "fill its place"),
        (two(tensor(), tensor([1], [12, 16]), b"0" * 16), "fill its place"),
        (one(tensor([3])), "fill its place"),
        (one(tensor([2], [8, 0])), "fill its place"),
        (one(tensor([-2])), "shape or place"),
        (one(tensor([True, 2])), "shape or place"),
        (one(tensor("22")), "shape or place"),
        (one(tensor([2], [0])), "shape or place"),
        (one(tensor([2**40, 0], [0, 0]), b""), "shape or place"),
        (one(tensor([1] * 9, [0, 4]), b"1234"), "shape or place"),
        (one(tensor([4], dtype="BF16")), "the type"),
        (one(tensor(dtype=["F32"])), "the type"),
        (one(tensor(), name="../a"), "called"),
        (one('{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}'), "not described"),
        (one("7"), "not described"),
    ],
)
def test_weights_with_a_bad_header(saved, rehash, data, match) -> None:
    (saved / "weights.safetensors").write_bytes(data)
    rehash(saved)
    refused(saved, match)


def test_weights_with_too_many_tensors(saved, rehash, monkeypatch) -> None:
    monkeypatch.setattr(weights, "MAX_TENSORS", 4)
    refused(saved, "lists no tensors")


def test_weights_changed_after_the_model_was_read(saved, rehash) -> None:
    model = read_model(saved)
    data = bytearray((saved / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (saved / "weights.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="checksum"):
        model.weights()


# ---- model.json ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "not valid JSON"),
        (b"null", "not the description"),
        (b"[]", "not the description"),
        (b'{"format": true}', "not the description"),
        (b'{"format": 2}', "format 2; this seqcli reads format 1"),
        (b'{"format": 1}', "task is missing"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"[" * 100_000, "nested deeper|not valid JSON"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "nested deeper"),
        (b'{"format": NaN}', "NaN"),
        (b'{"format": -Infinity}', "Infinity"),
        (b'{"format": 1e999}', "infinite"),
        (b'{"format": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"format": 99999999999999999999}', "64 bits"),
        (b'{"format": 1, "format": 1}', "repeated"),
        (b'{"format": 1, "task": "\\ud800"}', "not valid JSON"),
        (b'{"format": 1, "\\udfff": 0}', "not valid JSON"),
    ],
)
def test_a_record_that_is_no_record(saved, text, match) -> None:
    (saved / "model.json").write_bytes(text)
    refused(saved, match)


def test_a_record_that_is_too_large(saved, monkeypatch) -> None:
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 100)
    refused(saved, "more than any model's")


@pytest.mark.parametrize("key", TYPES)
@pytest.mark.parametrize("value", [None, True, 1.5, "x", [], {}, -1, [[]], {"x": []}], ids=repr)
def test_every_key_of_the_wrong_type(saved, rehash, key, value) -> None:
    """Either refused, or a value of the right type that reading survives."""
    good = json.loads((saved / "model.json").read_text())

    def spoil(record):
        record.clear()
        record.update({**copy.deepcopy(good), key: value})

    rehash(saved, spoil)
    if type(value) is TYPES[key] and key not in ("task", "network", "data", "files"):
        try:
            read_model(saved)
        except ModelError:
            return
    else:
        refused(saved, key if type(value) is not TYPES[key] else None)


@pytest.mark.parametrize("key", TYPES)
def test_every_key_missing(saved, rehash, key) -> None:
    good = json.loads((saved / "model.json").read_text())
    del good[key]
    (saved / "model.json").write_text(json.dumps(good))
    refused(saved, f"{key} is missing")


def edited(path: str, value: object):
    """A function that sets ``a.b.c`` of a record."""

    def edit(record):
        *parents, last = path.split(".")
        for name in parents:
            record = record[name]
        record[last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("task.name", "../evil"),
        ("task.name", None),
        ("data.source", 3),
        ("data.digest", None),
        ("data.rows", -1),
        ("data.rows", "100"),
        ("steps", -1),
        ("threads", 0),
        ("threads", 10**6),
        ("typed", [1]),
        ("typed", ["a b"]),
        ("options.unheard_of", 1),
        ("options.epochs", {"a": 1}),
        ("options.target", "text"),
        ("options.target", [["deep"]]),
        ("options.seed", [1]),
        ("metrics.seqcli", 0.5),
        ("metrics.seqcli", {"accuracy": "high"}),
        ("metrics.seqcli", {"accuracy": True}),
        ("versions.seqcli", 3),
        ("network.cell", 7),
        ("network.cell", "gru\n"),
        ("network.hidden_size", 0),
        ("network.hidden_size", 2**40),
        ("network.hidden_size", True),
        ("network.hidden_size", 4.0),
        ("network.num_layers", 65),
        ("network.num_layers", None),
        ("network.output_shape", []),
        ("network.output_shape", [2, "x"]),
        ("network.output_shape", [0]),
        ("network.output_shape", 2),
        ("network.output_shape", [1] * 5),
        ("network.inputs", []),
        ("network.inputs", {}),
        ("network.inputs", [1]),
        ("network.inputs", [{"field": "tokens"}]),
        ("network.inputs", [{"field": "tokens", "kind": "tokens", "size": 7, "embedding_size": 3}] * 2),
        ("network.inputs", [{"field": "lengths", "kind": "values", "size": 7}]),
        ("network.inputs", [{"field": ["x"], "kind": "values", "size": 7}]),
        ("network.inputs", [{"field": "x", "kind": "files", "size": 7}]),
        ("network.inputs", [{"field": "x", "kind": "tokens", "size": 7}]),
        ("network.inputs", [{"field": "x", "kind": "bags", "size": 7}]),
        ("network.inputs", [{"field": "x", "kind": "bags", "size": 0, "embedding_size": 3}]),
        ("network.inputs", [{"field": "x", "kind": "bags", "size": 2**40, "embedding_size": 3}]),
        ("network.inputs", [{"field": "x", "kind": "values", "size": 7, "embedding_size": 3}]),
        ("network.inputs", [{"field": "x", "kind": "values", "size": 7, "more": 3}]),
        ("network.skip", [0]),
        ("network.skip", [0, 0]),
        ("network.skip", "x"),
        ("network.bidirectional", 1),
        ("network.dropout", 1.0),
        ("network.dropout", "0"),
        ("network.time_range", 0),
        ("network.pool", []),
        ("network.pool", "max+"),
        ("network.pool", "+".join(["max"] * 9) + "\n"),
        ("network.word_dropout", 1),
        ("network.word_dropout", "x"),
        ("network.embedding_dropout", -0.1),
        ("network.embedding_dropout", True),
        ("network.variational", 1),
        ("network.surprise", 1),
        ("files", {}),
        ("files.README.md", []),
        ("files.extra", {"size": 1, "sha256": "0" * 64}),
        ("files.graphs/../../x.onnx", {"size": 1, "sha256": "0" * 64}),
        ("files.graphs/more.onnx", {"size": 1, "sha256": "0" * 64}),
        ("files.graphs/BATCH.onnx", {"size": 1, "sha256": "0" * 64}),
    ],
)
def test_values_that_no_model_has(saved, rehash, path, value) -> None:
    edit = edited(path, value)
    if path == "files.README.md":
        edit = lambda record: record["files"].update({"README.md": value})  # noqa: E731
    elif path.startswith("files."):
        edit = lambda record: record["files"].update({path.removeprefix("files."): value})  # noqa: E731
    rehash(saved, edit)
    refused(saved)


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize(
    "entry",
    [{"size": -1}, {"size": 2**50}, {"size": None}, {"size": 1.0}, {"sha256": "AB" * 32}, {"sha256": None}],
    ids=repr,
)
def test_sizes_and_digests_that_cannot_be(saved, rehash, name, entry) -> None:
    rehash(saved, lambda record: record["files"][name].update(entry))
    refused(saved, "files states no")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@ATTACK
@given(data=st.data())
def test_any_value_anywhere_in_the_record(saved, data) -> None:
    """Walk to a random place of model.json and put a random value there."""
    original = (saved / "model.json").read_text()
    record = json.loads(original)
    place, key = record, data.draw(st.sampled_from(sorted(record)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place))))
        )
    place[key] = data.draw(JSON)
    try:
        (saved / "model.json").write_text(json.dumps(record))
        model = read_model(saved)
        assert model.age()
    except ModelError:
        pass
    finally:
        (saved / "model.json").write_text(original)


@ATTACK
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5)
)
def test_any_bytes_anywhere_in_the_record(saved, edits) -> None:
    original = (saved / "model.json").read_bytes()
    data = bytearray(original)
    for place, value in edits:
        data[int(place * len(data))] = value
    try:
        (saved / "model.json").write_bytes(data)
        read_model(saved)
    except ModelError:
        pass
    finally:
        (saved / "model.json").write_bytes(original)
