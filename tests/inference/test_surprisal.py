"""How well a text was foreseen, against the torch network's own probabilities."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from tiny_language import tiny_language

from seqcli.inference import surprisal as module
from seqcli.inference.evaluate import evaluate
from seqcli.inference.generate import Writer
from seqcli.inference.kinds import language_task
from seqcli.inference.sampling import Sampler
from seqcli.inference.surprisal import TOKEN_COLUMNS, token_rows
from seqcli.readers.table import Table

LINES = ("the quick brown dog, lazy!", "Pack my box. " * 12)


def table(*cells: str) -> Table:
    return Table.from_records("x.csv", ("text",), [(cell,) for cell in cells], list(range(len(cells))))


def records(model, text) -> list[dict]:
    return [dict(zip(TOKEN_COLUMNS, row, strict=True)) for rows in token_rows(model, text) for row in rows]


def log_probabilities(network, ids) -> np.ndarray:
    with torch.inference_mode():
        logits, _ = network.read_on({"tokens": torch.tensor(ids[None, :-1])}, None)
    return torch.log_softmax(logits[0].double(), dim=-1).numpy()  # (T, V)


@pytest.mark.parametrize("level", ["characters", "words"])
def test_each_token_has_the_probability_that_torch_gives_it(tmp_path, monkeypatch, level) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli", level=level)
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 7)
    rows = records(model, table(*LINES))
    whole = "".join(f"{line}\n" for line in LINES)
    assert "".join(row["token"] for row in rows) == whole  # words that the model never met too
    ids = language_task(model).corpus.encode(whole)
    expected = log_probabilities(network, ids)
    assert rows[0] == {"position": 1, "token": rows[0]["token"]} | dict.fromkeys(TOKEN_COLUMNS[2:])
    assert [row["position"] for row in rows] == list(range(1, len(ids) + 1))
    total = 0.0
    for place, row in enumerate(rows[1:]):
        logprob = expected[place, ids[place + 1]]
        total -= logprob
        assert row["nats"] == pytest.approx(-logprob, abs=2e-5)
        assert row["bits"] == pytest.approx(-logprob / math.log(2), abs=4e-5)
        assert row["probability"] == pytest.approx(math.exp(logprob), rel=1e-4)
        assert row["rank"] == 1 + (expected[place] > logprob).sum()
        assert row["perplexity"] == pytest.approx(math.exp(total / (place + 1)), rel=1e-4)


def test_the_table_is_the_mean_of_the_tokens(tmp_path) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli")
    result = evaluate(model, table(*LINES))[0].records()[0]
    nats = [row["nats"] for row in records(model, table(*LINES))[1:]]
    assert result["predictor"] == "seqcli (lstm)"
    assert result["nats"] == pytest.approx(np.mean(nats), abs=1e-5)
    assert result["bits"] == pytest.approx(np.mean(nats) / math.log(2), abs=1e-5)
    assert result["perplexity"] == pytest.approx(math.exp(np.mean(nats)), rel=1e-4)
    ids = language_task(model).corpus.encode("".join(f"{line}\n" for line in LINES))
    cold = [
        -log_probabilities(network, ids[start : start + 65])[np.arange(64), ids[start + 1 : start + 65]]
        for start in range(0, len(ids) - 64, 64)
    ]
    assert result["blk64"] == pytest.approx(np.mean(cold), abs=1e-5)


def test_a_perplexity_beyond_floats_is_infinite(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    graph = onnx.load_model_from_string(model.graph("step"))
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.shape == (model.network.output_shape[0],):  # the bias of the logits
            tensor.CopyFrom(numpy_helper.from_array(np.float32(1e5) * values, tensor.name))
    rows = records(replace(model, graphs={"step": graph.SerializeToString()}), table(*LINES))
    assert rows[-1]["nats"] > 1_000
    assert (rows[-1]["probability"], rows[-1]["perplexity"]) == (0.0, math.inf)


def test_what_was_written_has_the_log_probabilities_that_it_was_written_with(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    writer, rng = Writer(model), np.random.default_rng(0)
    tokens = [
        token for token, _ in zip(writer.tokens(writer.begin("Th"), Sampler(), rng), range(80), strict=False)
    ]
    text = "Th" + "".join(token.text for token in tokens)
    rows = records(model, table("", text))  # a line break, then the text
    measured = [-row["nats"] for row in rows[3 : 3 + len(tokens)]]
    np.testing.assert_allclose([token.logprob for token in tokens], measured, atol=2e-5)


def test_a_condition_is_read_with_its_text(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli", categories=("de", "en"))
    both = [
        records(model, table("the fox", "the dog").with_column("kind", kinds))
        for kinds in (["de", "de"], ["de", "en"])
    ]
    same = [a["nats"] == b["nats"] for a, b in zip(*both, strict=True)]
    assert all(same[:8])  # the first text and its line break
    assert not any(same[8:])
