"""Beam search against every text there is, over the few tokens of a tiny model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tiny_language import tiny_language

from seqcli.inference.beam import BeamSearch
from seqcli.inference.generate import Writer
from seqcli.inference.sampling import Sampler
from seqcli.preprocessing.vocabulary import RESERVED

LETTERS = "acgt\n"
LENGTH = 4


@pytest.fixture
def writer(tmp_path) -> Writer:
    return Writer(tiny_language(tmp_path / "x.seqcli", text="acgt\naacg\n" * 3, gain=2.0)[0])


def every_text(writer, beginning, sampler, length, stop="") -> dict[tuple[int, ...], float]:
    """The mean log-probability of all texts of ``length`` tokens, or up to the first ``stop``."""
    found = {}
    for ids in itertools.product(range(RESERVED, RESERVED + writer.size), repeat=length):
        logits, states, total = beginning.logits, beginning.states, 0.0
        recent = beginning.recent.tolist()
        for place, token in enumerate(ids, start=1):
            scores = logits.astype(np.float64)
            if sampler.repetition_penalty != 1:
                for met in set(recent[-sampler.window :]):
                    scores[0, met] *= (
                        1 / sampler.repetition_penalty if scores[0, met] > 0 else sampler.repetition_penalty
                    )
            for biased, more in sampler.bias:
                scores[0, biased] += more
            total += scores[0, token] - np.logaddexp.reduce(scores[0])
            recent.append(token)
            if stop and stop in writer.text(ids[:place]):
                ids = ids[:place]
                break
            logits, states = writer.step(np.array([token]), states)
        found[ids] = total / len(ids)
    return found


@pytest.mark.parametrize(
    "sampler", [Sampler(), Sampler(repetition_penalty=1.7, window=2), Sampler(bias=((4, -1.5), (6, 2.0)))]
)
@pytest.mark.parametrize("stop", ["", "c", "ga"])
def test_a_wide_beam_finds_what_looking_at_all_texts_finds(writer, sampler, stop) -> None:
    beginning = writer.begin("ac")
    everything = every_text(writer, beginning, sampler, LENGTH, stop)
    best = sorted(everything, key=everything.__getitem__, reverse=True)
    width = len(LETTERS) ** (LENGTH - 1)
    found = BeamSearch(writer, beginning, sampler, width).best(LENGTH, stop)
    assert [text.ids for text in found[:20]] == best[:20]
    np.testing.assert_allclose(
        [text.mean for text in found], [everything[text.ids] for text in found], atol=1e-6
    )
    if stop:
        assert {text.complete for text in found} == {True, False}
        assert all(text.complete == (stop in writer.text(text.ids)) for text in found)


def test_a_beam_of_one_is_greedy(writer) -> None:
    beginning = writer.begin("g")
    tokens = writer.tokens(beginning, Sampler(0.0), np.random.default_rng(0))
    greedy = [next(tokens) for _ in range(30)]
    (sample,) = BeamSearch(writer, beginning, Sampler(), 1).samples(30, "", 1)
    assert "".join(sample) == "".join(token.text for token in greedy)
    np.testing.assert_allclose(
        [token.logprob for token in sample.tokens], [token.logprob for token in greedy], atol=1e-6
    )


def test_a_wider_beam_finds_nothing_worse(writer) -> None:
    beginning = writer.begin("")
    means = [BeamSearch(writer, beginning, Sampler(), width).best(12)[0].mean for width in (1, 4, 625)]
    assert means == sorted(means)
    assert means[0] < means[-1]


def test_what_is_forbidden_is_in_no_text(writer) -> None:
    sampler = Sampler(bias=((3, -np.inf), (4, -np.inf), (5, -np.inf), (6, -np.inf)))
    found = BeamSearch(writer, writer.begin("a"), sampler, 8).best(5)
    assert [text.ids for text in found] == [(7,) * 5]
