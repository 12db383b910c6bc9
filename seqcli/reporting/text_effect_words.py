"""What led a classifier of texts to its answer, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqcli.errors import printable

if TYPE_CHECKING:
    from seqcli.tasks.classify_explain import TextEffect

MOST_NAMED = 3
"""Tokens that are named one by one."""
MOST = 0.5
"""A few tokens are most of it when they hold such a share of all that speaks for the class."""
COUNTS = 0.15
"""A token that does less than such a share of the strongest is not worth a colour."""
NOTHING = 0.02
"""Log-odds below which nothing happens."""

Phrase = tuple[str, float]
"""What stands in the text, and how much it speaks for the class."""


def phrases(effect: TextEffect, level: str) -> list[Phrase]:
    """Words with what all their occurrences do; of characters those side by side that pull the same way."""
    tokens, scores = effect.row.tokens, effect.scores.tolist()
    if level == "words":
        found: dict[str, Phrase] = {}
        for token, score in zip(tokens, scores, strict=True):
            key = token.lower()
            shown, before = found.get(key, (token, 0.0))
            found[key] = shown, before + score
        return list(found.values())
    least = COUNTS * max(map(abs, scores), default=0.0)
    runs: list[Phrase] = []
    joins = False
    for token, score in zip(tokens, scores, strict=True):
        if abs(score) < least:
            joins = False
        elif joins and (score > 0) == (runs[-1][1] > 0):
            runs[-1] = runs[-1][0] + token, runs[-1][1] + score
        else:
            runs.append((token, score))
            joins = True
    return runs


def sides(effect: TextEffect, level: str) -> tuple[list[Phrase], list[Phrase]]:
    """What speaks for the class and what against it, the strongest first."""
    found = [each for each in phrases(effect, level) if each[0].strip() and abs(each[1]) >= NOTHING]
    ordered = sorted(found, key=lambda each: -each[1])
    return [each for each in ordered if each[1] > 0], [each for each in ordered[::-1] if each[1] < 0]


def verdict(effect: TextEffect, level: str) -> str:
    """One sentence: the class, how sure, and what it rests on."""
    answer = f"{printable(effect.prediction)} ({100 * effect.probability:.0f} %)"
    unit = level.removesuffix("s")
    if not len(effect.scores):
        return f"{answer}, though there is no {unit} in it"
    speaking, against = sides(effect, level)
    but = ""
    if against and (not speaking or -against[0][1] >= MOST * speaking[0][1]):
        but = f"; {_quoted(against[:1])} speaks against it"
    if not speaking:
        return f"{answer}, though no {unit} in it speaks for that{but}"
    total, held, count = sum(score for _, score in speaking), 0.0, 0
    while held < MOST * total and count < MOST_NAMED:
        held += speaking[count][1]
        count += 1
    why = "mostly because of" if held >= MOST * total else "because of many things, above all"
    return f"{answer}, {why} {_quoted(speaking[:count])}{but}"


def figures(effect: TextEffect, level: str) -> str:
    """The strongest on each side with their numbers, "" where nothing counts."""
    lines = []
    for name, some in zip(("for", "against"), sides(effect, level), strict=True):
        if some:
            named = ((_plain(text), score) for text, score in some[: 2 * MOST_NAMED])
            listed = (f"{text if text.isalnum() else repr(text)} {score:+.2f}" for text, score in named)
            lines.append(f"{name}: {', '.join(listed)}")
    return "; ".join(lines)


def _plain(text: str) -> str:
    return printable(" ".join(text.split()))


def _quoted(some: Sequence[Phrase]) -> str:
    """'a', 'b' and 'c'."""
    names = [f"'{_plain(text)}'" for text, _ in some]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
