"""One text through a saved model: its tokens, and the answers that predict and generate give."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from tiny_language import TEXT, tiny_language

from seqcli.backends.graph import network_graph
from seqcli.backends.network import build_network
from seqcli.backends.trace import trace_network
from seqcli.errors import ModelError, UsageError
from seqcli.inference import reading as module
from seqcli.inference.generate import Writer
from seqcli.inference.reading import read_text
from seqcli.inference.sampling import Sampler
from seqcli.network import InputSpec, NetworkSpec
from seqcli.preprocessing.corpus import Corpus
from seqcli.preprocessing.scaling import StandardScaler
from seqcli.preprocessing.vocabulary import Vocabulary
from seqcli.readers.numbers import NumberForm
from seqcli.tasks.base import Plan
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.regress import Regress

# ---- rows


def test_a_classifier_answers_with_its_likeliest_classes(word_model) -> None:
    found = read_text(word_model, "The great, good one!")
    assert (found.unit, found.ahead, found.asked) == ("word", 0, "label")
    assert found.tokens == ["the", "great", ",", "good", "one", "!"]
    assert found.ids["tokens"].tolist() == [6, 5, 1, 3, 1, 1]
    (best, p), (other, q) = found.answers
    assert (best, other) == ("pos", "neg")
    assert p == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-6)  # good 1 and great 2
    assert q == pytest.approx(1 - p, abs=1e-6)
    assert found.notes == ["the text holds what the model never met and reads as unknown: ',', 'one', '!'"]


def stars(save_model, inputs: Inputs, *specs: InputSpec):
    """A saved regression whose network says 0, which is 2.5 stars."""
    scaler = StandardScaler.fit(np.array([[2.0], [3.0]]))
    task = Regress(Plan("regress", ("stars",), text=inputs.text), inputs, NumberForm(), scaler)
    spec = NetworkSpec(specs, (1,), hidden_size=2)
    network = build_network(spec, seed=0)
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    return save_model(task, spec, graph=network_graph(network))


def words(*columns: str, max_length: int | None = None) -> Inputs:
    return Inputs(columns, (), None, Vocabulary("words", ("good", "bad")), max_length, None)


def test_a_text_is_cut_where_the_model_cuts_it_and_a_number_has_no_probability(save_model) -> None:
    model = stars(save_model, words("review", max_length=3), InputSpec("tokens", "tokens", 5, 2))
    found = read_text(model, "good bad good bad bad")
    assert found.tokens == ["good", "bad", "good"]
    assert found.ids["tokens"].tolist() == [3, 4, 3]
    assert (found.asked, found.answers) == ("stars", [(2.5, None)])
    assert found.notes == ["the model reads 3 words at most, so the other 2 are cut off"]


def test_a_model_that_reads_no_single_text_is_refused(sequence_model, save_model) -> None:
    with pytest.raises(UsageError, match="reads x, and only one text can be traced") as refused:
        read_text(sequence_model, "good")
    assert "train reviews.csv" in refused.value.hint
    two = stars(save_model, words("title", "review"), InputSpec("tokens", "tokens", 5, 2))
    with pytest.raises(UsageError, match="reads title, review, and only"):
        read_text(two, "good")


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_text_without_a_word_is_refused(word_model, text) -> None:
    with pytest.raises(UsageError, match="there is no word to read") as refused:
        read_text(word_model, text)
    assert refused.value.hint


def test_a_book_is_refused(word_model) -> None:
    with pytest.raises(UsageError, match="1,001 words are too many"):
        read_text(word_model, "good " * 1001)


@pytest.mark.parametrize("spec", [InputSpec("tokens", "tokens", 4, 2), InputSpec("values", "values", 2)])
def test_a_network_that_does_not_read_the_tasks_tokens_is_the_models_fault(save_model, spec) -> None:
    with pytest.raises(ModelError, match="does not read what its task makes"):
        read_text(stars(save_model, words("review"), spec), "bad")


# ---- language


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_language_models_trace_is_the_networks_and_its_answer_is_what_it_would_write(
    tmp_path, cell
) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli", cell=cell)
    corpus = Corpus.fit(TEXT, "characters")
    found = read_text(model, "The fox")
    assert (found.tokens, found.ahead, found.asked) == (list("The fox"), 1, "the next character")
    assert found.ids["tokens"].tolist() == corpus.encode("\nThe fox").tolist()
    writer = Writer(model)
    drawn = next(writer.tokens(writer.begin("The fox"), Sampler(0.0), np.random.default_rng(0)))
    assert found.answers[0][0] == drawn.text
    assert np.log(found.answers[0][1]) == pytest.approx(drawn.logprob, abs=1e-6)
    assert [p for _, p in found.answers] == sorted((p for _, p in found.answers), reverse=True)
    assert found.notes == []

    traces = trace_network(model.network, model.weights(), found.ids, found.ahead)
    states, wanted = network.start_states(1), []
    with torch.inference_mode():
        for token in found.ids["tokens"]:
            x, after = network.embeddings[0](torch.tensor([token])), []
            for layer, state in zip(network.encoder.forward_cells, states, strict=True):
                x, state = layer.step(x, state)
                after.append(state)
            states = after
            wanted.append([[value[0].numpy() for value in state] for state in after])
    for depth, trace in enumerate(traces):
        for place, name in enumerate(("h", "c") if cell == "lstm" else ("h",)):
            expected = np.stack([step[depth][place] for step in wanted[1:]])  # the line break is not shown
            np.testing.assert_allclose(trace.values[name], expected, atol=1e-6)


def test_what_stands_for_no_text_is_no_answer(tmp_path, monkeypatch) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    size = model.network.output_shape[0]
    logits = np.linspace(9.0, 0.0, size, dtype=np.float32)[None, None]  # the reserved ones are the likeliest
    monkeypatch.setattr(module.StreamSession, "read", lambda *_: (logits, {}))
    found = read_text(model, "The fox")
    assert [answer for answer, _ in found.answers] == list(Corpus.fit(TEXT, "characters").tokens[:3])


def test_words_are_read_without_the_space_behind_them(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli", level="words")
    found = read_text(model, "The quick zebra ")
    assert (found.unit, found.tokens) == ("word", ["The", " quick", " zebra"])
    assert found.notes == ["the text holds what the model never met and reads as unknown: 'The', 'zebra'"]
    writer = Writer(model)
    (drawn,) = islice(
        writer.tokens(writer.begin("The quick zebra"), Sampler(0.0), np.random.default_rng(0)), 1
    )
    assert found.answers[0][0] == drawn.text


def test_without_a_line_break_among_the_tokens_padding_is_read_first(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli", text="acgtacgt")
    found = read_text(model, "ca")
    assert found.ids["tokens"].tolist() == [0, *Corpus.fit("acgtacgt", "characters").encode("ca")]


def test_a_text_that_depends_on_a_category_is_read_for_the_first(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli", categories=("poem", "tale"))
    found = read_text(model, "The")
    assert found.ids["condition"].tolist() == [2] * 4
    assert found.notes == ["its text depends on kind: read for poem, the first of its values"]
    writer = Writer(model, {"kind": "poem"})
    drawn = next(writer.tokens(writer.begin("The"), Sampler(0.0), np.random.default_rng(0)))
    assert found.answers[0][0] == drawn.text


def test_an_empty_text_and_a_long_one_are_refused_for_language_too(tmp_path, monkeypatch) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    with pytest.raises(UsageError, match="there is no character to read"):
        read_text(model, "")
    monkeypatch.setattr(module, "MOST_TOKENS", 3)
    with pytest.raises(UsageError, match="4 characters are too many to look at"):
        read_text(model, "four")
