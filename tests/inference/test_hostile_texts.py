"""Language models made to do harm: whatever is changed, the end is a text or one line."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_hostile_models import ATTACK, is_one_line, mutate, spoilt
from tiny_language import tiny_language

from seqcli.errors import ModelError, ResourceError, SeqcliError
from seqcli.inference.evaluate import evaluate
from seqcli.inference.generate import Writer
from seqcli.inference.sampling import Sampler
from seqcli.inference.surprisal import token_rows
from seqcli.readers.table import Table
from seqcli.saved.graph_check import check_graph
from seqcli.saved.graph_wire import WireError

ROWS = Table.from_records("x.csv", ("text", "kind"), [("the fox", "a"), ("", "")], [2, 3])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    place = tmp_path_factory.mktemp("texts")
    return [
        tiny_language(place / f"{cell}.seqcli", cell=cell, categories=categories)[0]
        for cell, categories in (("lstm", ("a", "b")), ("gru", ()), ("rnn", ()))
    ]


def use(model) -> str:
    """All that can be done with a language model."""
    writer = Writer(model)
    tokens = writer.tokens(writer.begin("The "), Sampler(0.9, 5, 0.9), np.random.default_rng(0))
    text = "".join(token.text for token in islice(tokens, 5))
    list(token_rows(model, ROWS))
    evaluate(model, ROWS)
    return text


def test_what_was_not_changed_writes(models) -> None:
    assert all(len(use(model)) == 5 for model in models)


@ATTACK
@given(data=st.data())
def test_a_changed_graph_is_refused_or_fails_in_one_line_or_writes(models, data) -> None:
    model = data.draw(st.sampled_from(models))
    graph = onnx.load_model_from_string(model.graph("step"))
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(graph, data)
    content = graph.SerializeToString()
    try:
        check_graph(content)
        use(replace(model, graphs={"step": content}))
    except WireError:
        return
    except (ModelError, ResourceError) as error:
        is_one_line(error)


@ATTACK
@given(data=st.data())
def test_a_changed_task_is_refused_or_writes(models, data) -> None:
    model = spoilt(data.draw(st.sampled_from(models)), data)
    try:
        assert isinstance(use(model), str)
    except SeqcliError as error:
        is_one_line(error)
