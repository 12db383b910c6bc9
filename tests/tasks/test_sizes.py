from __future__ import annotations

import numpy as np
import pytest

from seqcli.options import Options
from seqcli.preprocessing.vocabulary import Vocabulary
from seqcli.sequences import Batchable, Sequences
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.sizes import MOST_CELLS, cell_warnings, choose_sizes, network_spec, training_defaults


def examples(rows, steps):
    offsets = np.arange(rows + 1) * steps
    return Batchable({"tokens": Sequences(np.zeros(rows * steps, np.int64), offsets)}, np.arange(rows))


def text(level, size):
    vocabulary = Vocabulary(level, tuple(f"w{number}" for number in range(size)))
    return Inputs(("text",), (), None, vocabulary, None, None)


NUMBERS = Inputs((), (), None, None, None, None)


def test_names_and_words_are_pooled_two_ways_and_long_strings_by_the_largest() -> None:
    assert choose_sizes(text("characters", 70), examples(1000, 7)).pool == "max+mean"
    assert choose_sizes(text("words", 5000), examples(1000, 7)).pool == "max+attention"
    assert choose_sizes(text("characters", 5), examples(1000, 60)).pool == "max"


def test_rare_words_are_dropped_more_than_frequent_ones() -> None:
    rare = choose_sizes(text("words", 5000), examples(4000, 20))
    frequent = choose_sizes(text("words", 100), examples(4000, 20))
    assert rare.dropout > frequent.dropout
    assert rare.steps < frequent.steps


def test_a_single_step_has_no_second_direction() -> None:
    assert not choose_sizes(NUMBERS, examples(100, 1)).bidirectional
    assert choose_sizes(NUMBERS, examples(100, 9)).bidirectional


@pytest.mark.parametrize(("rows", "batch_size"), [(50, 16), (5000, 32), (50_000, 64)])
def test_the_batch_grows_with_the_rows(rows, batch_size) -> None:
    train = examples(rows, 9)
    defaults = training_defaults(choose_sizes(NUMBERS, train), train, Options())
    assert defaults["batch_size"] == batch_size


def test_few_rows_get_many_epochs_and_long_rows_few() -> None:
    def epochs(rows, steps):
        train = examples(rows, steps)
        return training_defaults(choose_sizes(NUMBERS, train), train, Options())["epochs"]

    assert epochs(160, 10) == 100  # 1000 steps of 16 rows
    assert epochs(10, 10) == 200
    assert epochs(4000, 200) == round(MOST_CELLS / (4000 * 200))
    assert epochs(4000, 5000) == 4


def test_typed_epochs_and_batches_shape_the_rest() -> None:
    train = examples(640, 10)
    sizes = choose_sizes(NUMBERS, train)
    options = Options.from_flat({"batch_size": 64})
    assert training_defaults(sizes, train, options)["epochs"] == 100
    assert training_defaults(sizes, train, Options.from_flat({"epochs": 40}))["patience"] == 20


def test_gru_is_the_default_cell() -> None:
    train = examples(100, 10)
    spec = network_spec(text("words", 50), choose_sizes(text("words", 50), train), (3,), Options())
    assert (spec.cell, spec.init, spec.output_shape) == ("gru", "gated", (3,))
    assert spec.inputs[0].size == 53


def test_a_plain_rnn_is_warned_of_past_twenty_steps() -> None:
    rnn = Options.from_flat({"cell": "rnn"})
    assert cell_warnings(rnn, examples(5, 20)) == []
    assert "up to 21" in cell_warnings(rnn, examples(5, 21))[0]
    assert cell_warnings(Options(), examples(5, 100)) == []


def test_rare_words_are_read_ahead_unless_the_length_is_typed() -> None:
    rare, frequent = (text("words", size) for size in (5000, 100))
    train = examples(4000, 20)

    def found(inputs, **typed):
        return training_defaults(choose_sizes(inputs, train), train, Options.from_flat(typed)).get("pretrain")

    assert found(rare) == "training"
    for typed in ({"epochs": 3}, {"steps": 9}, {"time_budget": 9.0}, {"init_from": "m"}, {"cell": "none"}):
        assert found(rare, **typed) == "none"
    assert found(frequent) is None
