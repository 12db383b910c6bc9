"""Which options are tried, and which values: a table, and what of it a training leaves open.

What a person typed is not tried, nor what the task at hand would not obey. A default that is no value of
the table becomes one, in its place among them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from seqcli.options import Options
from seqcli.tasks.base import Prepared

ROWS = ("classify", "multilabel", "regress")
EVERY = (
    *(*ROWS, "forecast", "language", "tag", "music", "pianoroll", "translate", "transcribe", "steps"),
    "reconstruct",
)


@dataclass(frozen=True)
class Choice:
    """An option to try values of."""

    option: str
    values: tuple[Any, ...]
    tasks: tuple[str, ...] = EVERY
    where: str = ""
    """What the training must read for the option to matter; see :func:`met`."""
    times: bool = False
    """Whether the values are multiples of the default."""
    unless: tuple[str, ...] = ()
    """Options that, given another value than their default, settle this one too or leave no room for it."""


SPACE = (
    Choice("learning_rate", (0.25, 0.4, 0.6, 1, 1.6, 2.5, 4), times=True),
    Choice("hidden_size", (0.5, 1, 1.5, 2), times=True, unless=("init_from",)),
    Choice("dropout", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), unless=("backend",)),
    Choice("batch_size", (0.5, 1, 2), times=True),
    Choice("cell", ("gru", "lstm"), where="steps", unless=("init_from",)),
    Choice("num_layers", (1, 2), unless=("init_from", "backend")),
    Choice("weight_decay", (0.0, 0.01, 0.03, 0.1), unless=("optimizer", "backend")),
    Choice("ema", (0.0, 0.99, 0.999), unless=("backend",)),
    Choice(
        "embedding_size", (0.5, 1, 2), tasks=(*ROWS, "language", "tag", "music", "translate"),
        where="tokens", times=True, unless=("vectors", "init_from"),
    ),
    Choice("word_dropout", (0.0, 0.05, 0.1, 0.2), tasks=(*ROWS, "tag", "translate"), where="tokens"),
    Choice("subwords", (False, True), tasks=ROWS, where="tokens", unless=("init_from",)),
    Choice("pool", ("last", "mean", "max", "attention", "max+mean"), tasks=ROWS, where="steps"),
    Choice(
        "label_smoothing", (0.0, 0.05, 0.1), tasks=("classify", "language", "music", "translate", "steps"),
        unless=("backend",),
    ),
    Choice("attention", ("dot", "bahdanau"), tasks=("translate",), unless=("init_from",)),
    Choice("window", (0.5, 1, 2), tasks=("forecast",), times=True),
    Choice("decoder", ("parallel", "recursive"), tasks=("forecast",), where="segments"),
    Choice("bptt", (0.5, 1, 2), tasks=("language", "music"), times=True),
)  # fmt: skip
"""What matters most stands first. ``level`` is not among them: it changes what all others mean, and of a
text that is written what is measured."""


@dataclass(frozen=True)
class Dimension:
    """An option to try in one training, with its values in order."""

    option: str
    values: tuple[Any, ...]
    default: int
    """Which of the values is the default."""

    @property
    def ordered(self) -> bool:
        """Whether values have neighbours: numbers have, names have not."""
        return not isinstance(self.values[0], str | bool)

    def changed(self, place: int) -> dict[str, Any]:
        """The option with the value at ``place``, where that is not the default."""
        return {} if place == self.default else {self.option: self.values[place]}


def dimensions(
    prepared: Prepared, options: Options, resolved: Options, typed: Collection[str]
) -> tuple[Dimension, ...]:
    """What can be tried beside ``options``, of which some were ``typed``; ``resolved`` are the defaults."""
    usual, given, decided = Options().to_flat(), options.to_flat(), resolved.to_flat()
    facts, found = met(prepared), []
    for choice in SPACE:
        settled = any(given[name] != usual[name] for name in choice.unless)
        idle = prepared.task.plan.task not in choice.tasks or (choice.where and choice.where not in facts)
        if settled or idle or choice.option in typed:
            continue
        default = decided[choice.option]
        if default is None:
            default = getattr(prepared.network, choice.option, None)
        found.append(_dimension(choice, 0.0 if default is None else default))
    return tuple(item for item in found if len(item.values) > 1)


def met(prepared: Prepared) -> frozenset[str]:
    """What a training reads: "tokens", several "steps" one after the other, "segments" of a series."""
    spec = prepared.network
    facts = {
        "tokens": any(item.of_text for item in spec.inputs),
        "steps": spec.streams or int(prepared.train.lengths.max(initial=1)) > 1,
        "segments": spec.decoder != "direct",
    }
    return frozenset(name for name, holds in facts.items() if holds)


def _dimension(choice: Choice, default: Any) -> Dimension:
    """The values of ``choice``, the default among them."""
    values = [_multiple(default, value) for value in choice.values] if choice.times else list(choice.values)
    if isinstance(values[0], str | bool):
        every = values if default in values else [default, *values]
    else:
        every = sorted({default, *values})
    return Dimension(choice.option, tuple(every), every.index(default))


def _multiple(default: Any, times: float) -> Any:
    """A multiple of a whole number is one, at least 1; of another it has two digits that count."""
    if times == 1:
        return default
    return max(1, round(default * times)) if isinstance(default, int) else float(f"{default * times:.2g}")
