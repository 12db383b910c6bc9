"""Made text: a corpus with grammar and a plot of sorts, and names by invented languages."""

from __future__ import annotations

import random

PEOPLE = ("the miller", "the ferryman", "a young clerk", "the widow", "the captain", "my sister",
          "the baker's boy", "an old teacher", "the watchman", "the stranger",
          "our neighbour", "the gardener")  # fmt: skip
PLACES = ("the harbour", "the mill", "the upper road", "the market", "the old bridge", "the orchard",
          "the school", "the lighthouse", "the kitchen", "the north gate")  # fmt: skip
THINGS = ("a lantern", "a letter", "three keys", "a basket of pears", "the wrong map", "a silver coin",
          "a loaf of bread", "a coil of rope", "the black umbrella", "a book without a cover")  # fmt: skip
WEATHER = ("It rained until noon", "The fog stayed low", "The wind had turned", "Snow lay on the roofs",
           "The evening was clear", "It was the hottest day of the month")  # fmt: skip
VERBS = (
    "carried",
    "lost",
    "mislaid",
    "found",
    "sold",
    "brought back",
    "counted on",
    "asked for",
    "remembered",
)
SAYINGS = ("Nothing is late that still arrives", "You may keep it until spring", "I have seen this before",
           "Ask me again tomorrow", "There is room for one more", "We close at seven")  # fmt: skip
QUESTIONS = ("Who taught you to count", "Is this yours", "Did the boat leave", "How far is it still")

LANGUAGES = {
    "Arvic": ("br k st gr t v h", "a o u", "ld rn k st", "sen rik gar"),
    "Lumese": ("l m n s v d f", "a e i ia o", "- l n", "ella ino ara"),
    "Oshti": ("sh ts k y r n m", "a i u o", "- - n", "moto shi ka"),
    "Pellan": ("p ph th kr d x n", "e o i y", "- s n", "os ides akis"),
    "Wendish": ("z w k cz dr b p", "o a e y", "w j l r", "ski ak icz"),
}
"""Language → onsets, vowels, codas and endings of its names; "-" is silence."""


def corpus(size: int = 120_000, seed: int = 17) -> str:
    """Return at least ``size`` characters of made prose, in paragraphs."""
    rng = random.Random(seed)
    paragraphs: list[str] = []
    length = 0
    while length < size:
        hero = rng.choice(PEOPLE)
        sentences = [f"{rng.choice(WEATHER)} when {hero} came to {rng.choice(PLACES)}."]
        sentences += [_sentence(rng, hero) for _ in range(rng.randrange(3, 8))]
        paragraphs.append(" ".join(sentences))
        length += len(paragraphs[-1]) + 2
    return "\n\n".join(paragraphs) + "\n"


def _sentence(rng: random.Random, hero: str) -> str:
    """One sentence about the paragraph's hero, mostly."""
    other = rng.choice([person for person in PEOPLE if person != hero])
    thing, place, verb = rng.choice(THINGS), rng.choice(PLACES), rng.choice(VERBS)
    forms = (
        f"{hero} {verb} {thing} near {place}.",
        f"{hero} {verb} {thing}, but {other} said nothing.",
        f'"{rng.choice(SAYINGS)}," said {other}.',
        f'"{rng.choice(QUESTIONS)}?" asked {hero}, and looked at {place}.',
        f"at {place} {other} had already {verb} {thing}.",
        f"nobody at {place} knew that {hero} {verb} {thing}.",
    )
    sentence = rng.choice(forms)
    return sentence[0].upper() + sentence[1:] if sentence[0] != '"' else sentence


def names(rows: int = 2500, seed: int = 19) -> list[tuple[str, str]]:
    """Return ``rows`` distinct (category, name) pairs; the category is an invented language."""
    rng = random.Random(seed)
    made: dict[str, tuple[str, str]] = {}
    while len(made) < rows:
        language = rng.choice(sorted(LANGUAGES))
        name = _name(rng, *LANGUAGES[language])
        made.setdefault(name, (language, name))
    return list(made.values())


def _name(rng: random.Random, onsets: str, vowels: str, codas: str, endings: str) -> str:
    """One to three syllables, often with an ending of the language."""
    count = rng.randrange(1, 4)
    parts = [rng.choice(kind.split()) for _ in range(count) for kind in (onsets, vowels, codas)]
    if count < 2 or rng.random() < 0.5:
        parts.append(rng.choice(endings.split()))
    return "".join(parts).replace("-", "").capitalize()
