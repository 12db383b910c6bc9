"""Writing and reading whole model directories, and finding them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from seqcli.errors import ModelError, UsageError
from seqcli.model_dir import agrees, check_target, default_target, find_model, old_dir, read_model
from seqcli.saved.places import is_model
from seqcli.saved.weights import unpack_weights


def test_what_was_written_is_read(saved, small) -> None:
    model = read_model(saved)
    assert {key: model.record[key] for key in small.record} == json.loads(json.dumps(small.record))
    assert model.record["format"] == 1
    assert model.network.hidden_size == 4
    assert model.graphs == small.graphs
    assert model.graph() == small.graphs["batch"]
    weights = model.weights()
    assert set(weights) == set(small.weights)
    for name, values in small.weights.items():
        np.testing.assert_array_equal(weights[name], values)
        assert weights[name].dtype == np.float32
        assert weights[name].flags.writeable
    assert (saved / "README.md").read_text() == "# A model\n"
    assert [json.loads(line) for line in (saved / "history.jsonl").read_text().splitlines()] == small.history


def test_a_model_is_known_by_its_name_or_by_its_files(saved, tmp_path, monkeypatch) -> None:
    assert is_model(saved)
    assert is_model(saved.rename(tmp_path / "best"))
    for name in ("x.seqcli", "x.seqcli.old", "data"):
        (tmp_path / name).mkdir()
        assert is_model(tmp_path / name) is (name != "data")
    (tmp_path / "y.seqcli").write_text("a file")
    assert not is_model(tmp_path / "y.seqcli")
    assert not is_model(tmp_path / "nowhere.seqcli")

    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert not is_model(tmp_path / "data")


def test_the_directory_holds_these_files_and_no_other(saved) -> None:
    names = {str(path.relative_to(saved)) for path in saved.rglob("*") if path.is_file()}
    assert names == {"model.json", "weights.safetensors", "graphs/batch.onnx", "history.jsonl", "README.md"}
    assert [path.name for path in saved.parent.iterdir()] == ["reviews.seqcli"]


def test_model_json_lists_size_digest_and_shapes_of_every_other_file(saved, record_of) -> None:
    files = record_of(saved)["files"]
    for name, entry in files.items():
        data = (saved / name).read_bytes()
        assert entry["size"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    assert files["weights.safetensors"]["tensors"]["w"] == ["F32", [1, 12, 3]]
    assert files["graphs/batch.onnx"]["inputs"] == {"tokens": ["I", [None, None]], "lengths": ["I", [None]]}
    assert files["graphs/batch.onnx"]["outputs"] == {"output": ["F", [None, 2]]}


def test_the_weights_are_a_safetensors_file(saved, small, tmp_path) -> None:
    theirs = load_file(saved / "weights.safetensors")
    for name, values in small.weights.items():
        np.testing.assert_array_equal(theirs[name], values)
    arrays = {
        "a.b": np.arange(6, dtype=np.int64).reshape(2, 3),
        "c": np.zeros((0, 2)),
        "d": np.float32([1.5]),
    }
    save_file(arrays, tmp_path / "other", metadata={"format": "np"})
    ours = unpack_weights((tmp_path / "other").read_bytes(), "other")
    for name, values in arrays.items():
        np.testing.assert_array_equal(ours[name], values)
        assert ours[name].dtype == values.dtype


def test_equal_models_are_equal_bytes(make_small, tmp_path) -> None:
    first, second = (make_small(0).write(tmp_path / f"{name}.seqcli") for name in "ab")
    for path in first.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_weights_that_are_views_are_written_as_they_look(make_small, tmp_path) -> None:
    model = make_small(0)
    model.weights["head"] = np.arange(8, dtype=np.float32).reshape(2, 4).T[:, ::-1]
    written = read_model(model.write(tmp_path / "a.seqcli")).weights()
    np.testing.assert_array_equal(written["head"], model.weights["head"])


@pytest.mark.parametrize(("name", "kind"), [("../w", np.float32), ("w", np.complex64), ("w", object)])
def test_weights_that_the_format_does_not_know_are_not_written(make_small, tmp_path, name, kind) -> None:
    model = make_small(0)
    model.weights = {name: np.zeros(2, dtype=kind)}
    with pytest.raises(ValueError, match="cannot hold the weight"):
        model.write(tmp_path / "a.seqcli")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_directory_holds_no_models(saved) -> None:
    with pytest.raises(ModelError, match="no model here"):
        find_model(None, saved / "README.md")


def test_more_keys_in_the_record_are_kept(make_small, tmp_path) -> None:
    model = make_small(0)
    model.record["rules"] = ["split at 2018-03-01"]
    assert read_model(model.write(tmp_path / "a.seqcli")).record["rules"] == ["split at 2018-03-01"]


def test_a_graph_that_may_not_be_read_is_not_written(make_small, tmp_path, proto) -> None:
    model = make_small(0)
    proto.graph.node[4].op_type = "Loop"
    model.graphs["batch"] = proto.SerializeToString()
    with pytest.raises(ValueError, match="Loop is not allowed"):
        model.write(tmp_path / "a.seqcli")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), object(), np.int64(3)], ids=["nan", "object", "numpy"])
def test_a_record_that_is_no_json_is_not_written(make_small, tmp_path, value) -> None:
    model = make_small(0)
    model.record["task"]["fitted"] = value
    with pytest.raises((ValueError, TypeError)):
        model.write(tmp_path / "a.seqcli")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_could_not_be_read_is_not_written(make_small, tmp_path) -> None:
    old = make_small(0).write(tmp_path / "a.seqcli")
    model = make_small(1)
    model.record["seed"] = "1"
    with pytest.raises(ModelError, match="seed"):
        model.write(tmp_path / "a.seqcli")
    assert read_model(old).record["seed"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.seqcli"]


def test_a_graph_the_model_does_not_have(saved) -> None:
    with pytest.raises(ModelError, match="no graph 'step'"):
        read_model(saved).graph("step")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("reviews.csv", "reviews.seqcli"),
        ("data/reviews.csv.gz", "reviews.seqcli"),
        ("a.b.tsv", "a.b.seqcli"),
        ("-", "stdin.seqcli"),
        ("aclImdb/", "aclImdb.seqcli"),
        ("names", "names.seqcli"),
        (".hidden", ".hidden.seqcli"),
    ],
)
def test_the_default_target_is_named_after_the_input(name, target) -> None:
    assert default_target([name, "other.csv"]) == Path(target)


def test_the_default_target_of_a_directory_named_by_dots(tmp_path, monkeypatch) -> None:
    (tmp_path / "corpus" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "corpus" / "inner")
    assert default_target(["."]) == Path("inner.seqcli")
    assert default_target([".."]) == Path("corpus.seqcli")
    assert default_target(["x.csv"], tmp_path) == tmp_path / "x.seqcli"


# ---- finding ---------------------------------------------------------------------------------


def test_the_named_model_is_taken(tmp_path) -> None:
    assert find_model("some/where", tmp_path) == Path("some/where")


def test_the_only_model_here_is_found(saved, monkeypatch) -> None:
    for name in (".reviews.seqcli.partial", ".x.seqcli.staging", "reviews.seqcli.old", ".reviews.seqcli.new"):
        (saved.parent / name).mkdir()
    (saved.parent / "notes.seqcli").write_text("a file, not a directory")
    (saved.parent / "same.seqcli").symlink_to(saved)
    assert find_model(None, saved.parent) == saved
    monkeypatch.chdir(saved.parent)
    assert find_model(None) == Path("reviews.seqcli")


def test_no_model_here(tmp_path) -> None:
    with pytest.raises(ModelError, match="no model here") as caught:
        find_model(None, tmp_path)
    assert "seqcli train" in caught.value.hint


def test_several_models_here_are_listed(make_small, tmp_path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.seqcli").mkdir()
    with pytest.raises(ModelError, match=r"3 models here: a\.seqcli, b\.seqcli, c\.seqcli") as caught:
        find_model(None, tmp_path)
    assert "-m a.seqcli" in caught.value.hint


def test_a_missing_model_names_the_closest(saved) -> None:
    with pytest.raises(ModelError, match="no such model") as caught:
        read_model(saved.parent / "review.seqcli")
    assert "reviews.seqcli" in caught.value.hint
    with pytest.raises(ModelError, match="this is a file"):
        read_model(saved / "README.md")
    with pytest.raises(ModelError, match=r"model\.json is missing"):
        read_model(saved.parent)


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("2026-01-02T03:04:35+00:00", "less than a minute old"),
        ("2026-01-02T03:05:05+00:00", "1 minute old"),
        ("2026-01-02T05:04:05+00:00", "2 hours old"),
        ("2026-01-05T03:04:04+00:00", "2 days old"),
        ("2025-01-05T03:04:04+00:00", "less than a minute old"),
    ],
)
def test_the_age_of_a_model(saved, now, text) -> None:
    assert read_model(saved).age(datetime.fromisoformat(now)) == text


def test_the_age_of_a_model_without_a_valid_time(make_small, tmp_path) -> None:
    model = make_small(0)
    model.record["created"] = "yesterday"
    assert read_model(model.write(tmp_path / "a.seqcli")).age() == "of unknown age"
    model.record["created"] = "2026-01-02T03:04:05"
    now = datetime(2026, 1, 4, 3, 4, 5, tzinfo=UTC)
    assert read_model(model.write(tmp_path / "a.seqcli")).age(now) == "2 days old"


def test_a_model_is_used_again_for_the_same_data_and_typed_options(saved) -> None:
    model = read_model(saved)
    assert agrees(model, {"digest": "ab" * 32}, {})
    assert agrees(model, {"digest": "ab" * 32}, {"seed": 0, "interval": [80, 95]})
    assert not agrees(model, {"digest": "cd" * 32}, {})
    assert not agrees(model, {"digest": "ab" * 32}, {"window": 60})
    assert not agrees(model, {"digest": "ab" * 32}, {"unheard_of": 1})


def test_a_part_with_a_file_of_its_own_must_be_the_same_too(make_small, tmp_path) -> None:
    small = make_small(0)
    small.record["data"]["test"] = "ef" * 32
    model, own = read_model(small.write(tmp_path / "a.seqcli")), {"digest": "ab" * 32}
    assert agrees(model, {**own, "test": "ef" * 32}, {})
    assert not agrees(model, {**own, "test": "ab" * 32}, {})
    assert not agrees(model, {**own, "validation": "ef" * 32}, {})


def test_data_without_a_digest_agrees_with_nothing(make_small, tmp_path) -> None:
    model = make_small(0)
    model.record["data"]["digest"] = ""
    assert not agrees(read_model(model.write(tmp_path / "a.seqcli")), {"digest": ""}, {})


# ---- swap rules ------------------------------------------------------------------------------

SAME = {"source": "reviews.csv", "task": "classify.v1"}


def test_nothing_and_an_empty_directory_may_be_written(tmp_path) -> None:
    assert check_target(tmp_path / "a.seqcli", named=False, force=False, **SAME) is None
    (tmp_path / "b").mkdir()
    assert check_target(tmp_path / "b", named=True, force=False, **SAME) is None


def test_the_default_model_of_the_same_file_and_task_is_replaced(saved) -> None:
    old = check_target(saved, named=False, force=False, **SAME)
    assert old is not None
    assert old.record["metrics"]["seqcli"]["accuracy"] == 0.75


@pytest.mark.parametrize(
    "change",
    [{"named": True}, {"source": "other.csv"}, {"task": "forecast.v1"}],
    ids=["named", "source", "task"],
)
def test_any_other_model_needs_force(saved, change) -> None:
    asked = {"named": False, "force": False, **SAME, **change}
    with pytest.raises(UsageError, match=r"a classify model of reviews\.csv") as caught:
        check_target(saved, **asked)
    assert "--force" in caught.value.hint
    assert check_target(saved, **{**asked, "force": True}) is not None


def test_a_damaged_model_needs_force(saved) -> None:
    (saved / "history.jsonl").write_text("")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        check_target(saved, named=False, force=False, **SAME)
    assert "--force" in caught.value.hint
    assert check_target(saved, named=False, force=True, **SAME) is None


def test_what_is_no_model_is_never_replaced(tmp_path, saved) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    (tmp_path / "file.seqcli").write_text("text")
    (tmp_path / "link.seqcli").symlink_to(saved)
    (tmp_path / "nowhere.seqcli").symlink_to(tmp_path / "gone")
    for name in ("home", "file.seqcli", "link.seqcli", "nowhere.seqcli"):
        with pytest.raises(UsageError, match="is not a model"):
            check_target(tmp_path / name, named=True, force=True, **SAME)


def test_the_old_model_is_kept_when_asked(make_small, tmp_path) -> None:
    target = tmp_path / "a.seqcli"
    for seed, keep_old in ((0, False), (1, True), (2, True), (3, False)):
        make_small(seed).write(target, keep_old=keep_old)
    assert read_model(target).record["seed"] == 3
    assert read_model(old_dir(target)).record["seed"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.seqcli", "a.seqcli.old"]


def test_a_model_replaces_an_empty_directory(make_small, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    make_small(5).write(tmp_path / "out")
    assert read_model(tmp_path / "out").record["seed"] == 5


def test_missing_parents_are_made(make_small, tmp_path) -> None:
    assert read_model(make_small(0).write(tmp_path / "models" / "today" / "a.seqcli")).record["seed"] == 0


# ---- what reading imports --------------------------------------------------------------------


def test_reading_imports_nothing_heavy(saved) -> None:
    program = (
        "import sys; from seqcli.model_dir import find_model, read_model; read_model(find_model(None));"
        "heavy = 'torch onnx onnxruntime safetensors numpy pandas sklearn scipy pydantic'.split();"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=saved.parent, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout == "[]\n"
