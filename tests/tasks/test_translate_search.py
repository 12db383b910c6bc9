"""The search for what to write: held against every text there is, and against taking the best token."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from seqcli.preprocessing.spelling import END_OF_TEXT
from seqcli.tasks.translating.search import Said, Search, search

VOCABULARY = 6
"""Padding, unknown, the end, and three tokens to write."""
LETTERS = (3, 4, 5)


class Table:
    """A writer whose chances hang on the source, on all that was written, and on nothing else."""

    vocabulary = VOCABULARY

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.mix = rng.standard_normal((4, 8))
        self.read_by = rng.standard_normal((VOCABULARY, 4))
        self.say_by = 1.5 * rng.standard_normal((4, VOCABULARY))
        self.asked = 0

    def read(self, batch):
        source = batch["source"].astype(float)
        memory = {"memory": np.repeat(source[:, :, None], 4, axis=2).astype(np.float32)}
        first = np.tanh(source.sum(1)[:, None] * self.mix[:, 0]).astype(np.float32)
        return memory, {"h": first}

    def chances(self, h):
        logits = h @ self.say_by
        logits[:, :2] = -1e9
        return logits - np.log(np.exp(logits).sum(1, keepdims=True))

    def after(self, h, last, memory):
        return np.tanh(0.7 * h + self.read_by[last] + 0.1 * memory.mean(1)).astype(np.float32)

    def say(self, memory, last, states, count):
        self.asked += 1
        each = np.repeat(memory["memory"], len(last) // len(memory["memory"]), axis=0)
        h = self.after(states["h"], last, each)
        chances = self.chances(h)
        order = np.argsort(-chances, axis=1, kind="stable")[:, :count]
        best = np.take_along_axis(chances, order, axis=1).astype(np.float32)
        weights = np.full((len(last), each.shape[1]), 1 / each.shape[1], dtype=np.float32)
        return Said(best, order, {"h": h}, weights)

    def total(self, source, ids):
        """The log-probability of a text and its end, without any search."""
        memory, states = self.read({"source": source})
        h, last, total = states["h"], np.array([END_OF_TEXT]), 0.0
        for token in (*ids, END_OF_TEXT):
            h = self.after(h, last, memory["memory"])
            total += float(self.chances(h)[0, token])
            last = np.array([token])
        return total


def batch_of(*sources):
    longest = max(map(len, sources))
    padded = np.array([[*source, *[0] * (longest - len(source))] for source in sources])
    return {"source": padded, "lengths": np.array([len(source) for source in sources])}


class Sure(Table):
    """A writer that is nearly sure of each token of one text; behind it comes the end, before any other."""

    wanted = (3, 4, 5, 5, 4, 3, 4, 5)

    def after(self, h, last, memory):
        return np.where(last[:, None] == END_OF_TEXT, 0.0, h + 1.0).astype(np.float32)

    def chances(self, h):
        found = np.full((len(h), VOCABULARY), 0.001)
        found[:, END_OF_TEXT] = 0.05
        for row, place in enumerate(h[:, 0].astype(int)):
            found[row, (*self.wanted, END_OF_TEXT)[min(place, len(self.wanted))]] = 0.9
        return np.log(found / found.sum(1, keepdims=True))


@pytest.mark.parametrize("beam", [1, 2, 3, 5, 10])
def test_early_ends_beside_a_sure_text_do_not_end_the_search(beam):
    """Five texts end ahead of the right one, each with a chance of about 1 in 20."""
    (found,) = search(Sure(0), batch_of((1, 2)), np.array([30]), Search(beam=beam))
    assert found[0].ids == Sure.wanted
    assert found[0].score == pytest.approx((8 * np.log(0.9 / 0.954) + np.log(0.9 / 0.905)) / 9, rel=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_with_all_the_beams_there_are_it_finds_what_enumeration_finds(seed, penalty):
    table, longest = Table(seed), 4
    source = np.array([[3, 5, 4]])
    every = [ids for length in range(longest) for ids in product(LETTERS, repeat=length)]
    scored = [(table.total(source, ids) / (len(ids) + 1) ** penalty, ids) for ids in every]
    wanted = sorted(scored, reverse=True)[:5]
    how = Search(beam=200, length_penalty=penalty, wanted=5)
    (found,) = search(table, batch_of([3, 5, 4]), np.array([longest]), how)
    assert [text.ids for text in found] == [ids for _, ids in wanted]
    np.testing.assert_allclose([text.score for text in found], [score for score, _ in wanted], rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_one_beam_takes_the_likeliest_token(seed):
    table = Table(seed)
    memory, states = table.read(batch_of([4, 3]))
    h, last, ids = states["h"], np.array([END_OF_TEXT]), []
    for _ in range(9):
        h = table.after(h, last, memory["memory"])
        last = table.chances(h).argmax(1)
        if last[0] == END_OF_TEXT:
            break
        ids.append(int(last[0]))
    (found,) = search(table, batch_of([4, 3]), np.array([9]), Search(beam=1))
    assert list(found[0].ids) == ids


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_sources_do_not_disturb_each_other(beam):
    table = Table(9)
    sources = [[3], [4, 4, 5], [5, 3], [3, 3, 3, 3], [4]]
    limits = np.array([3, 8, 5, 2, 7])
    how = Search(beam=beam, wanted=min(beam, 2))
    padded = batch_of(*sources)
    together = search(table, padded, limits, how)
    for place in range(len(sources)):
        one = {name: values[place : place + 1] for name, values in padded.items()}
        (alone,) = search(table, one, limits[place : place + 1], how)
        assert [text.ids for text in alone] == [text.ids for text in together[place]]


def test_more_beams_never_find_a_worse_text_here_and_all_are_different():
    table = Table(2)
    few, many = (
        search(table, batch_of([3, 4]), np.array([6]), Search(beam, 1.0, beam))[0] for beam in (2, 50)
    )
    assert many[0].score >= few[0].score
    assert len({text.ids for text in many}) == len(many) == 50
    assert [text.score for text in many] == sorted((text.score for text in many), reverse=True)


def test_where_was_looked_comes_with_each_token_and_the_end():
    table = Table(3)
    table.chances = lambda h: np.log(np.full((len(h), VOCABULARY), [0, 0, 0.4, 0.3, 0.2, 0.1]) + 1e-30)
    (found,) = search(table, batch_of([3, 4, 5]), np.array([30]), Search(3, 2.0, aligned=True))
    assert 0 < len(found[0].ids) < 29  # it ended by itself
    assert found[0].weights.shape == (len(found[0].ids) + 1, 3)
    np.testing.assert_allclose(found[0].weights.sum(1), 1, rtol=1e-6)


def test_a_text_without_an_end_is_cut_at_its_limit():
    table = Table(3)
    table.say_by[:, END_OF_TEXT] = 0
    table.chances = lambda h: np.log(np.full((len(h), VOCABULARY), [0, 0, 0, 0.5, 0.3, 0.2]) + 1e-30)
    (found,) = search(table, batch_of([3]), np.array([4]), Search(beam=2))
    assert found[0].ids == (3, 3, 3, 3)
