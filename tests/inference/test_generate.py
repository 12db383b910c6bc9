"""Text from a saved model: against the torch network, and the stop text against scripted tokens."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from tiny_language import TEXT, tiny_language

from seqcli.errors import ModelError, UsageError
from seqcli.inference import generate as module
from seqcli.inference.forecast import forecast_task
from seqcli.inference.generate import Sample, Token, Writer
from seqcli.inference.kinds import language_task
from seqcli.inference.predict import row_task
from seqcli.inference.sampling import Sampler
from seqcli.preprocessing.corpus import Corpus

GREEDY = Sampler(0.0)


def write(writer, prompt, length, sampler=GREEDY, seed=0) -> str:
    tokens = writer.tokens(writer.begin(prompt), sampler, np.random.default_rng(seed))
    return "".join(token.text for token in islice(tokens, length))


def torch_greedy(network, ids, length, **fields) -> list[int]:
    """What ``network`` writes after ``ids`` when it always takes the likeliest token that is text."""
    written, states, read = [], None, list(ids)
    with torch.inference_mode():
        while len(written) < length:
            tokens = torch.tensor([read])
            batch = {"tokens": tokens, **{name: torch.full_like(tokens, i) for name, i in fields.items()}}
            logits, states = network.read_on(batch, states)
            read = [3 + int(logits[0, -1, 3:].argmax())]
            written += read
    return written


# ---- the text


@pytest.mark.parametrize(("cell", "gain"), [("lstm", 3.0), ("gru", 2.5), ("rnn", 1.5)])
def test_greedy_text_is_the_torch_networks_for_1000_characters(tmp_path, cell, gain) -> None:
    """A larger ``gain`` makes it chaotic: the last bit of a state then decides what is written."""
    model, network = tiny_language(tmp_path / "x.seqcli", cell=cell, gain=gain)
    corpus = Corpus.fit(TEXT, "characters")
    text = write(Writer(model), "The ", 1000)
    assert len(text) == 1000
    assert len({text[place : place + 5] for place in range(1000)}) > 100
    assert text == corpus.decode(torch_greedy(network, corpus.encode("\nThe ").tolist(), 1000))


def test_words_bring_their_space_so_the_prompts_last_one_is_dropped(tmp_path) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli", level="words")
    writer, corpus = Writer(model), Corpus.fit(TEXT, "words")
    assert writer.begin(" quick fox ").prompt == " quick fox"
    ids = corpus.encode("\n quick fox").tolist()
    assert write(writer, " quick fox ", 30) == corpus.decode(torch_greedy(network, ids, 30))
    assert writer.usual_length == 100


def test_without_a_line_break_among_the_tokens_padding_is_read_first(tmp_path) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli", text="acgtacgt")
    corpus = Corpus.fit("acgtacgt", "characters")
    assert write(Writer(model), "", 20) == corpus.decode(torch_greedy(network, [0], 20))
    assert write(Writer(model), "ca", 20) == corpus.decode(
        torch_greedy(network, [0, *corpus.encode("ca")], 20)
    )


def test_a_prompt_of_any_length_is_read_in_pieces(tmp_path, monkeypatch) -> None:
    writer = Writer(tiny_language(tmp_path / "x.seqcli")[0])
    whole = writer.begin(TEXT * 3)
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", 1000)
    pieces = writer.begin(TEXT * 3)
    np.testing.assert_allclose(pieces.logits, whole.logits, atol=1e-5)


def test_what_the_model_never_met_is_named(tmp_path) -> None:
    writer = Writer(tiny_language(tmp_path / "x.seqcli")[0])
    assert writer.begin("The fox").note == ""
    note = writer.begin("Thé é€ fox: 1").note
    assert note == "the prompt holds what the model never met and reads as unknown: 'é', '€', ':', '1'"
    words = Writer(tiny_language(tmp_path / "w.seqcli", level="words")[0])
    assert words.begin("a zebra and an elk met an owl").note.endswith("'a', 'zebra', 'and', 'an', 'elk', …")


def test_a_seed_fixes_the_text(tmp_path) -> None:
    writer = Writer(tiny_language(tmp_path / "x.seqcli")[0])
    first, second, other = (write(writer, "T", 200, Sampler(), seed) for seed in (1, 1, 2))
    assert first == second != other


def test_a_beginning_can_be_gone_on_with_more_than_once(tmp_path) -> None:
    writer = Writer(tiny_language(tmp_path / "x.seqcli")[0])
    beginning = writer.begin("T")
    texts = [
        [token.text for token in islice(writer.tokens(beginning, Sampler(), np.random.default_rng(3)), 50)]
        for _ in range(2)
    ]
    assert texts[0] == texts[1]


# ---- conditions


def test_the_text_depends_on_the_condition(tmp_path) -> None:
    model, network = tiny_language(tmp_path / "x.seqcli", categories=("de", "en"))
    corpus = Corpus.fit(TEXT, "characters")
    for value, number in (("de", 2), ("en", 3)):
        writer = Writer(model, {"kind": value})
        assert writer.note == ""
        expected = torch_greedy(network, corpus.encode("\nT").tolist(), 50, condition=number)
        assert write(writer, "T", 50) == corpus.decode(expected)
    writer = Writer(model)
    assert writer.note == "--given kind=de, the first of 2 values: de, en"
    assert write(writer, "T", 50) == write(Writer(model, {"kind": "de"}), "T", 50)


def test_conditions_that_the_model_does_not_have(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli", categories=("german", "english"))
    with pytest.raises(UsageError, match="kind has no value 'germann'") as caught:
        Writer(model, {"kind": "germann"})
    assert caught.value.hint == "did you mean kind=german?"
    with pytest.raises(UsageError, match="no value '7'") as caught:
        Writer(model, {"kind": "7"})
    assert caught.value.hint == "its values are german, english"
    with pytest.raises(UsageError, match="depends on kind, not on type"):
        Writer(model, {"type": "german"})
    with pytest.raises(UsageError, match="depends on no column"):
        Writer(tiny_language(tmp_path / "y.seqcli")[0], {"kind": "german"})


# ---- models of another kind, and damaged ones


def test_each_command_refuses_the_models_of_the_others(tmp_path, word_model) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli")
    with pytest.raises(UsageError, match="predicts rows, it does not write text") as caught:
        Writer(word_model)
    assert caught.value.hint == f"seqcli predict FILE -m {word_model.path}"
    with pytest.raises(UsageError, match="writes text, it does not predict rows") as caught:
        row_task(model)
    assert caught.value.hint == f"seqcli generate -m {model.path}"
    with pytest.raises(UsageError, match="writes text, it does not forecast"):
        forecast_task(model)


def test_a_task_that_does_not_fit_its_network(tmp_path) -> None:
    model, _ = tiny_language(tmp_path / "x.seqcli", categories=("a", "b"))
    task, spec = model.record["task"], model.network
    fewer = {**task, "corpus": {**task["corpus"], "tokens": ["a", "b"]}}
    for spoilt in (
        replace(model, record={**model.record, "task": fewer}),
        replace(model, record={**model.record, "task": {**task, "conditions": ["a"]}}),
        replace(model, network=replace(spec, streams=False)),
        replace(model, network=replace(spec, inputs=spec.inputs[:1])),
        replace(model, network=replace(spec, output_shape=(3,))),
    ):
        with pytest.raises(ModelError, match="its network"):
            language_task(spoilt)


# ---- where a text ends


def scripted(*texts: str):
    """Endless tokens: ``texts``, then dots."""
    yield from (Token(text, -1.0, -0.5) for text in texts)
    while True:
        yield Token(".", -1.0, -0.5)


def run(tokens, length, stop="") -> tuple[list[str], Sample]:
    sample = Sample(tokens, length, stop)
    return list(sample), sample


def test_without_a_stop_text_every_token_is_shown_at_once() -> None:
    pieces, sample = run(scripted("a", "bc"), 4)
    assert pieces == ["a", "bc", ".", "."]
    assert (sample.text, sample.ended, len(sample.tokens)) == ("abc..", "length", 4)


def test_nothing_is_computed_that_is_not_shown() -> None:
    asked = []

    def counting():
        for token in scripted():
            asked.append(token)
            yield token

    run(counting(), 3)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("texts", "stop", "pieces", "tokens"),
    [
        (["a", "b", "c", "d"], "c", ["a", "b"], ["a", "b"]),
        (["a", "b", "c", "d"], "bc", ["a"], ["a"]),  # spans two tokens: b is held back
        (["a", "b", "x", "b", "c"], "bc", ["a", "bx"], ["a", "b", "x"]),  # b was no beginning after all
        (["a", "a", "a", "b", "c"], "aab", ["a"], ["a"]),  # the begin slides on
        (["the", " fo", "x j"], "ox", ["the", " f"], ["the", " fo"]),  # within tokens: the begun one stays
        (["ab"], "ab", [], []),
        (["x", "\n", "\n", "y"], "\n\n", ["x"], ["x"]),
    ],
)
def test_a_text_ends_ahead_of_its_stop(texts, stop, pieces, tokens) -> None:
    shown, sample = run(scripted(*texts), 100, stop)
    assert shown == pieces
    assert sample.text == "".join(pieces)
    assert [token.text for token in sample.tokens] == tokens
    assert sample.ended == "stop"


def test_what_was_held_back_is_shown_when_the_length_is_reached() -> None:
    pieces, sample = run(scripted("a", "b"), 2, "bc")
    assert pieces == ["a", "b"]
    assert sample.ended == "length"
    assert len(sample.tokens) == 2
