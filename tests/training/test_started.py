"""What a resumed training must agree with: the options that were typed, and the data."""

from __future__ import annotations

import json

import pytest

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import Options
from seqcli.training.started import RUN_FILE, StartedRun

BEGUN = StartedRun(
    Options.from_flat({"epochs": 3, "target": ["label"], "vectors": "glove.txt"}),
    frozenset({"epochs", "target"}),
    "1f",
    {"vectors": "3d"},
)


def test_a_run_is_restored_whole(tmp_path) -> None:
    BEGUN.write(tmp_path / "checkpoint")
    assert StartedRun.read(tmp_path / "checkpoint") == BEGUN


def test_without_a_run_there_is_nothing_to_go_on_with(tmp_path) -> None:
    with pytest.raises(UsageError, match="no interrupted training") as caught:
        StartedRun.read(tmp_path)
    assert "--resume" in caught.value.hint


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[:20],
        lambda text: text.replace('"digest"', '"other"'),
        lambda text: text.replace('"vectors": "3d"', "3"),
        lambda text: text.replace('"epochs": 3', '"epohcs": 3'),
        lambda text: "[]",
        lambda text: "[" * 100_000,
    ],
    ids=["cut", "a key is gone", "no digests", "no such option", "another form", "too deep"],
)
def test_a_damaged_run_is_one_line(tmp_path, harm) -> None:
    BEGUN.write(tmp_path)
    file = tmp_path / RUN_FILE
    file.write_text(harm(file.read_text()))
    with pytest.raises(ModelError, match="is damaged") as caught:
        StartedRun.read(tmp_path)
    assert str(file) in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint


def test_the_options_of_the_run_go_on() -> None:
    assert BEGUN.options_for(Options(), frozenset()) == BEGUN.options
    assert BEGUN.options_for(BEGUN.options, frozenset({"epochs"})) == BEGUN.options
    other = Options.from_flat({"epochs": 4, "hidden_size": 9})
    assert BEGUN.options_for(other, frozenset()) == BEGUN.options  # defaults, not typed
    with pytest.raises(UsageError, match="had --epochs 3, not 4"):
        BEGUN.options_for(other, frozenset({"epochs"}))
    with pytest.raises(UsageError, match=r"had no --hidden-size$"):
        BEGUN.options_for(other, frozenset({"hidden_size"}))


def test_other_data_is_refused() -> None:
    BEGUN.refuse_other_data("1f")
    with pytest.raises(DataError, match="the data has changed"):
        BEGUN.refuse_other_data("2e")


@pytest.mark.parametrize("now", [{"vectors": "4e"}, {}, {"vectors": "3d", "pretrain": "5f"}])
def test_other_files_beside_the_data_are_refused(now) -> None:
    BEGUN.refuse_other_files({"vectors": "3d"})
    with pytest.raises(DataError, match="has changed since the interrupted") as caught:
        BEGUN.refuse_other_files(now)
    assert ("glove.txt" in caught.value.message) == (len(now) < 2)
    assert "--resume" in caught.value.hint


def test_the_file_holds_what_was_typed(tmp_path) -> None:
    BEGUN.write(tmp_path)
    data = json.loads((tmp_path / RUN_FILE).read_text())
    assert data["typed"] == ["epochs", "target"]
    assert data["options"]["epochs"] == 3
