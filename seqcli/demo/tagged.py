"""Made sentences whose names are marked: people, places and companies of invented languages."""

from __future__ import annotations

import random

from seqcli.demo.words import names

FORMS = (
    "{PER} sailed from {LOC} to {LOC} in {month} .",
    "{PER} , who works for {ORG} , was born in {LOC} .",
    "{ORG} has sold its mill near {LOC} to {PER} .",
    "in {LOC} nobody had heard of {PER} .",
    "{PER} and {PER} met at the harbour of {LOC} .",
    "the captain wrote to {ORG} in {month} , but {PER} said nothing .",
    "it rained in {LOC} until {month} .",
    "{month} was the hottest month of the year .",
    "a letter from {PER} of {ORG} lay on the table .",
    "the baker counted three keys and a silver coin .",
)
MONTHS = ("March", "April", "May", "June", "July", "August")
ENDINGS = {"LOC": ("Bay", "Port", "Hill"), "ORG": ("Company", "Mills", "Brothers")}


def tagged(sentences: int = 900, seed: int = 23) -> list[tuple[int, str, str]]:
    """Rows of (sentence, token, tag), tags in IOB2; every name comes about once."""
    rng = random.Random(seed)
    pool = [name for _, name in names(2500, seed)]
    rows: list[tuple[int, str, str]] = []
    for number in range(1, sentences + 1):
        for piece in rng.choice(FORMS).split():
            kind = piece.strip("{}")
            if piece == "{month}":
                rows.append((number, rng.choice(MONTHS), "O"))
            elif piece.startswith("{"):
                words = _name(rng, pool, kind)
                letters = "B" + "I" * (len(words) - 1)
                rows += [(number, word, f"{at}-{kind}") for at, word in zip(letters, words, strict=True)]
            else:
                rows.append((number, piece, "O"))
    return rows


def _name(rng: random.Random, pool: list[str], kind: str) -> list[str]:
    """One or two words: a first name and a surname, a place, a company."""
    words = [rng.choice(pool)]
    if kind == "PER":
        return [*words, rng.choice(pool)] if rng.random() < 0.6 else words
    return [*words, rng.choice(ENDINGS[kind])] if rng.random() < (0.3 if kind == "LOC" else 0.9) else words


def tagged_names() -> str:
    """The sentences as CoNLL: words and tags between tabs, a blank line behind each sentence."""
    rows = tagged()
    lines: list[str] = []
    for place, (number, word, tag) in enumerate(rows):
        lines += [""] if place and number != rows[place - 1][0] else []
        lines.append(f"{word}\t{tag}")
    return "\n".join(lines) + "\n\n"


def letters() -> str:
    """Sentences of the same kind with names that no tagged one has, a line each, without tags."""
    sentences: dict[int, list[str]] = {}
    for number, word, _ in tagged(6, seed=29):
        sentences.setdefault(number, []).append(word)
    return "".join(
        " ".join(words).replace(" .", ".").replace(" ,", ",") + "\n" for words in sentences.values()
    )
