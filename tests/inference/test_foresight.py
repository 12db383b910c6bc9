"""A language model beside a transcriber, against the torch network that it was written from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_language import TEXT, tiny_language

from seqcli.backends.network import Network
from seqcli.errors import UsageError
from seqcli.inference.foresight import SavedForesight, with_search
from seqcli.options_use import FusionOptions

LETTERS = ("a", "e", "h", "t", " ")
WEIGHT = 0.6


def by_torch(network: Network, corpus: object, text: str) -> np.ndarray:
    """Log-probabilities (L + 2, V) of each token behind a line break and the letters of ``text``."""
    ids = corpus.encode("\n" + text)
    with torch.inference_mode():
        logits = network.read_on({"tokens": torch.tensor(ids[None])}, None)[0][0].double()
    return torch.log_softmax(logits, dim=-1).numpy()


@pytest.fixture
def known(tmp_path: Path) -> tuple[SavedForesight, Network, object]:
    from seqcli.inference.kinds import language_task

    model, network = tiny_language(tmp_path / "lm.seqcli")
    return SavedForesight(model, LETTERS, WEIGHT), network, language_task(model).corpus


def symbols(text: str) -> tuple[int, ...]:
    return tuple(1 + LETTERS.index(letter) for letter in text)


def test_what_comes_behind_texts_is_what_torch_says(known) -> None:
    foresight, network, corpus = known
    ids = corpus.encode("\n" + "".join(LETTERS))
    asked = [[""], ["", "t", "a"], ["t", "th", "te"], ["the", "th", "tea"], ["the eat"]]  # the last from anew
    for texts in asked:
        found = foresight.behind([symbols(text) for text in texts])
        wanted = np.stack([WEIGHT * by_torch(network, corpus, text)[-1, ids] for text in texts])
        assert found == pytest.approx(wanted, abs=1e-5)


def test_a_whole_text_is_its_letters_and_its_end(known) -> None:
    foresight, network, corpus = known
    for text in ("", "t", "the hat"):
        logs, ids = by_torch(network, corpus, text), corpus.encode(text + "\n")
        wanted = WEIGHT * sum(logs[place, token] for place, token in enumerate(ids))
        assert foresight.whole(symbols(text)) == pytest.approx(wanted, abs=1e-5)


def test_an_end_that_was_never_read_counts_nothing(tmp_path: Path) -> None:
    model, _ = tiny_language(tmp_path / "lm.seqcli", text=TEXT.replace("\n", " "))
    foresight = SavedForesight(model, LETTERS, 1.0)
    assert foresight.behind([(), (1,)])[:, 0].tolist() == [0.0, 0.0]
    parts = [
        foresight.behind([symbols("he")[:place]])[0, symbol] for place, symbol in enumerate(symbols("he"))
    ]
    assert foresight.whole(symbols("he")) == pytest.approx(sum(parts), abs=1e-5)


@pytest.mark.parametrize(
    ("made", "letters", "said"),
    [
        ({"level": "words"}, LETTERS, "reads words, where characters alone are wanted"),
        ({"categories": ("x", "y")}, LETTERS, "text that depends on kind"),
        ({}, (*LETTERS, "é", "7"), "has never read 'é' '7', which transcripts are made of"),
        ({}, tuple("0123456789"), "'7' and 2 more"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(tmp_path: Path, made, letters, said) -> None:
    model, _ = tiny_language(tmp_path / "lm.seqcli", **made)
    with pytest.raises(UsageError, match=said):
        SavedForesight(model, letters, 1.0)


@dataclass(frozen=True)
class Listener:
    """As much of a transcriber as a search needs."""

    letters: tuple[str, ...] = LETTERS
    beam: int = 1
    foresight: SavedForesight | None = None


def test_a_search_is_told_beam_and_weight(tmp_path: Path) -> None:
    model, _ = tiny_language(tmp_path / "lm.seqcli")
    named = str(model.path)
    plain = with_search(Listener(), model, 3, FusionOptions())
    assert (plain.beam, plain.foresight) == (3, None)
    assert with_search(Listener(), model, None, FusionOptions(named)).beam == 8
    light, heavy = (
        with_search(Listener(), model, 4, FusionOptions(named, weight)).foresight for weight in (None, 1.0)
    )
    assert light.whole((1, 2)) == pytest.approx(0.5 * heavy.whole((1, 2)))


def test_what_makes_no_sense_is_said(tmp_path: Path) -> None:
    model, _ = tiny_language(tmp_path / "lm.seqcli")
    named = str(model.path)
    for task, beam, options, said in (
        (Listener(), None, FusionOptions(None, 0.3), "--lm-weight weighs a language model"),
        (Listener(), 1, FusionOptions(named), "--beam 1 follows one"),
        (object(), None, FusionOptions(named), "--language-model is of transcripts"),
    ):
        with pytest.raises(UsageError, match=said):
            with_search(task, model, beam, options)
