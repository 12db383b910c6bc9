"""Spellings of tags: spans as conlleval reads them, and back."""

from __future__ import annotations

import random

import pytest

from seqcli.tasks.tagging.schemes import IOB2, SCHEMES, Span, find_scheme, followers, spans_of


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O B-A I-A O", [(1, 3, "A")]),
        ("I-A I-A O I-B", [(0, 2, "A"), (3, 4, "B")]),  # an I that no B opened counts
        ("I-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("B-A I-B I-B", [(0, 1, "A"), (1, 3, "B")]),  # another type begins anew
        ("B-A B-A", [(0, 1, "A"), (1, 2, "A")]),
        ("S-A S-A B-B E-B", [(0, 1, "A"), (1, 2, "A"), (2, 4, "B")]),
        ("B-A E-A I-A E-A", [(0, 2, "A"), (2, 4, "A")]),
        ("E-A", [(0, 1, "A")]),
        ("U-A B-A L-A O", [(0, 1, "A"), (1, 3, "A")]),
        ("B-A M-A E-A W-B", [(0, 3, "A"), (3, 4, "B")]),
        ("B I O B", [(0, 2, ""), (3, 4, "")]),
        ("B-a-b I-a-b", [(0, 2, "a-b")]),
        ("B_A I_A", [(0, 2, "A")]),
        ("NOUN O", []),
        ("", []),
    ],
)
def test_spans_are_those_of_conlleval(tags: str, spans: list[tuple[int, int, str]]) -> None:
    assert spans_of(tags.split()) == [Span(*span) for span in spans]


@pytest.mark.parametrize("name", SCHEMES)
def test_every_spelling_gives_back_its_spans(name: str) -> None:
    rng = random.Random(3)
    for _ in range(300):
        spans, at, length = [], 0, rng.randrange(1, 12)
        while at < length:
            stop = min(length, at + rng.randrange(1, 4))
            if rng.random() < 0.6:
                spans.append(Span(at, stop, rng.choice("AB")))
            at = stop
        tags = SCHEMES[name].tags(spans, length)
        assert spans_of(tags) == spans
        assert len(tags) == length


def test_spellings_side_by_side() -> None:
    spans = [Span(1, 3, "ORG"), Span(4, 5, "LOC"), Span(5, 6, "LOC")]
    written = {name: " ".join(scheme.tags(spans, 6)) for name, scheme in SCHEMES.items()}
    assert written["IOB1"] == "O I-ORG I-ORG O I-LOC B-LOC"
    assert written["IOB2"] == "O B-ORG I-ORG O B-LOC B-LOC"
    assert written["IOBES"] == "O B-ORG E-ORG O S-LOC S-LOC"
    assert written["BILOU"] == "O B-ORG L-ORG O U-LOC U-LOC"


@pytest.mark.parametrize("name", SCHEMES)
def test_a_spelling_is_found_in_what_it_wrote(name: str) -> None:
    lists = [[Span(0, 2, "A"), Span(2, 5, "A")], [Span(1, 2, "B"), Span(3, 4, "A")], []]
    tags = [SCHEMES[name].tags(spans, 6) for spans in lists]
    assert find_scheme(tags) == SCHEMES[name]


@pytest.mark.parametrize("tags", ["NOUN VERB", "B-A X", "O O", "B I", "S-A E-A", "B-A I", "I"])
def test_what_marks_no_spans_has_no_spelling(tags: str) -> None:
    assert find_scheme([tags.split()]) is None


def test_iob2_with_a_slip_is_iob2() -> None:
    sentences = [["O", "B-A", "I-A"], ["B-A", "O", "B-B"], ["O", "I-A"]]
    assert find_scheme(sentences) == IOB2


def test_an_underscore_is_kept() -> None:
    scheme = find_scheme([["B_A", "I_A", "O"]])
    assert scheme is not None
    assert scheme.tags([Span(0, 2, "A")], 3) == ["B_A", "I_A", "O"]


def test_an_i_goes_on_with_its_own_type_alone() -> None:
    labels = ("O", "B-A", "I-A", "B-B", "I-B")
    barred = followers(labels)
    assert len(barred) == 6
    for row, before in enumerate((*labels, "start")):
        allowed = {now for place, now in enumerate(labels) if place not in barred[row]}
        going_on = {f"I-{before[2:]}"} if before[:2] in ("B-", "I-") else set()
        assert allowed == {"O", "B-A", "B-B"} | going_on
