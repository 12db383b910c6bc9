"""Which options are tried: those that the task obeys and that nobody typed, the default among the values."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqcli.cli.command import IDLE
from seqcli.options import Options
from seqcli.training.run import decide
from seqcli.training.tuning.space import SPACE, Choice, Dimension, dimensions

WORDS = ("fine", "dull", "warm", "cold")


@pytest.fixture
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = [f"the {WORDS[row % 4]} story {row},{'good' if row % 2 else 'bad'}" for row in range(80)]
    Path("reviews.csv").write_text("\n".join(["review,label", *rows]) + "\n")
    return "reviews.csv"


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = [f"{row % 7},{row % 5},{'a' if row % 7 > 3 else 'b'}" for row in range(80)]
    Path("numbers.csv").write_text("\n".join(["x,y,label", *rows]) + "\n")
    return "numbers.csv"


def space_of(file: str, **typed: object) -> dict[str, Dimension]:
    from seqcli.options import SavingOptions

    options = Options.from_flat({"threads": 1, **typed})
    run = decide([file], options, SavingOptions())
    return {item.option: item for item in dimensions(run.prepared, options, run.options, typed.keys())}


def test_no_task_is_given_an_option_that_it_does_not_read() -> None:
    known = Options().to_flat()
    for choice in SPACE:
        assert choice.option in known
        assert set(choice.unless) <= known.keys()
        for task in choice.tasks:
            assert choice.option not in IDLE[task], (choice.option, task)


def test_what_was_typed_is_not_tried(reviews: str) -> None:
    every = space_of(reviews)
    assert {"learning_rate", "hidden_size", "cell", "pool", "subwords", "label_smoothing"} <= every.keys()
    fewer = space_of(reviews, cell="lstm", dropout=0.25, hidden_size=8)
    assert every.keys() - fewer.keys() == {"cell", "dropout", "hidden_size"}


def test_the_default_is_among_the_values_which_are_in_order(reviews: str) -> None:
    found = space_of(reviews, threads=1)
    for item in found.values():
        assert len(set(item.values)) == len(item.values) > 1
        assert item.changed(item.default) == {}
        if item.ordered:
            assert list(item.values) == sorted(item.values)
    assert found["hidden_size"].values == (32, 64, 96, 128)  # of 64
    assert found["hidden_size"].default == 1
    assert found["cell"].values[found["cell"].default] == "gru"


def test_rows_without_text_or_time_have_nothing_that_shapes_those(numbers: str) -> None:
    assert (
        space_of(numbers)
        .keys()
        .isdisjoint(
            {"embedding_size", "subwords", "word_dropout", "pool", "cell", "window", "bptt", "decoder"}
        )
    )


def test_what_an_option_settles_is_not_tried(reviews: str) -> None:
    Path("vectors.txt").write_text("fine 1 0\ndull 0 1\n")
    found = space_of(reviews, vectors="vectors.txt")
    assert "embedding_size" not in found
    assert "weight_decay" not in space_of(reviews, optimizer="adam")


def test_a_default_that_is_no_value_of_the_table_comes_in_its_place(
    numbers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import seqcli.training.tuning.space as module

    monkeypatch.setattr(module, "SPACE", (Choice("weight_decay", (0.0, 0.02)),))
    (item,) = space_of(numbers).values()
    assert (item.values, item.default) == ((0.0, 0.01, 0.02), 1)
