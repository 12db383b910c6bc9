"""What a command is made of, and what it is called with. Plain data: Typer is not imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from seqcli.cli.values import parse_value
from seqcli.errors import UsageError, near_miss
from seqcli.options import ForecastOptions, Options
from seqcli.training.events import PlanMade

Group = TypeVar("Group")
Seen = TypeVar("Seen")

TRAINING_GROUPS: tuple[type, ...] = tuple(type(getattr(Options(), group.name)) for group in fields(Options))
"""The option classes that shape a training, in the order of the help panels."""

TRAINING_OPTIONS = frozenset(item.name for group in TRAINING_GROUPS for item in fields(group))
"""Their options."""

FORECAST_ONLY = frozenset({"wide", "every", *(item.name for item in fields(ForecastOptions))})
LANGUAGE_ONLY = frozenset({"condition", "backend", "tied", "preset"})
CLASSIFY_ONLY = frozenset({"class_weight", "prior"})
TAG_ONLY = frozenset({"tag_column"})
STEPS_ONLY = frozenset({"stem", "reverse_complement", "kmers"})
RECONSTRUCT_ONLY = frozenset({"anomalous", "false_alarms", "bottleneck"})
ROWS_ONLY = STEPS_ONLY | {"text"}
LABELS_ONLY = frozenset({"label_separator"})
TRANSLATE_ONLY = frozenset({"source", "attention"})
"""Options that no other task than the one reads."""

TEXT_ONLY = frozenset(
    {"level", "embedding_size", "subwords", "word_dropout", "embedding_dropout", "variational"}
    | {"vectors", "pretrain"}
)
"""Options on how text is read."""

NEVER_IN_FORECAST = frozenset(
    {"group", "label_smoothing", "recurrent_dropout", "members"}
    | {*TEXT_ONLY, *CLASSIFY_ONLY, *LANGUAGE_ONLY, *TAG_ONLY, *LABELS_ONLY, *ROWS_ONLY, *TRANSLATE_ONLY}
    | RECONSTRUCT_ONLY
)
NEVER_IN_LANGUAGE = frozenset(
    {"missing", "aggregate", "time", "id", "group", "pool", "members"}
    | ROWS_ONLY
    | {"subwords", "word_dropout", "vectors", "pretrain"}
    | CLASSIFY_ONLY
    | FORECAST_ONLY
    | TAG_ONLY
    | LABELS_ONLY
    | TRANSLATE_ONLY
    | RECONSTRUCT_ONLY
)
NEVER_IN_MUSIC = (
    NEVER_IN_LANGUAGE
    | LANGUAGE_ONLY
    | {"level", "target", "encoding", "delimiter", "names", "prior", "refit"}
)
"""Options that the one task does not read."""

NEVER_IN_ROWS = FORECAST_ONLY | LANGUAGE_ONLY | TAG_ONLY | TRANSLATE_ONLY | RECONSTRUCT_ONLY | {"bptt"}
IDLE = {
    "forecast": NEVER_IN_FORECAST,
    "language": NEVER_IN_LANGUAGE,
    "music": NEVER_IN_MUSIC,
    "pianoroll": NEVER_IN_MUSIC | TEXT_ONLY | {"bptt", "label_smoothing"},
    "classify": NEVER_IN_ROWS | LABELS_ONLY,
    "multilabel": NEVER_IN_ROWS | {"class_weight", "label_smoothing"},
    "regress": NEVER_IN_ROWS | LABELS_ONLY | CLASSIFY_ONLY | {"label_smoothing"},
    "transcribe": FORECAST_ONLY
    | RECONSTRUCT_ONLY
    | LANGUAGE_ONLY
    | CLASSIFY_ONLY
    | LABELS_ONLY
    | TAG_ONLY
    | ROWS_ONLY
    | TEXT_ONLY
    | {"bptt", "missing", "aggregate", "time", "id", "features", "pool", "label_smoothing", "members"},
    "reconstruct": (FORECAST_ONLY - {"wide"})
    | LANGUAGE_ONLY
    | CLASSIFY_ONLY
    | LABELS_ONLY
    | TAG_ONLY
    | TRANSLATE_ONLY
    | TEXT_ONLY
    | {
        "text",
        "reverse_complement",
        "kmers",
        "bptt",
        "pool",
        "label_smoothing",
        "members",
        "refit",
        "aggregate",
    },
    "tag": FORECAST_ONLY
    | RECONSTRUCT_ONLY
    | LANGUAGE_ONLY
    | CLASSIFY_ONLY
    | LABELS_ONLY
    | ROWS_ONLY
    | TRANSLATE_ONLY
    | {"bptt", "missing", "aggregate", "time", "group", "level", "pool", "label_smoothing"},
    "steps": NEVER_IN_ROWS | LABELS_ONLY | (TEXT_ONLY - {"level"}) | {"prior", "pool", "aggregate"},
    "translate": FORECAST_ONLY
    | RECONSTRUCT_ONLY
    | LANGUAGE_ONLY
    | CLASSIFY_ONLY
    | TAG_ONLY
    | LABELS_ONLY
    | (ROWS_ONLY - {"text"})
    | {"bptt", "missing", "aggregate", "time", "id", "pool", "subwords", "vectors", "pretrain", "members"},
}
"""What no task reads is a mistake when it is typed, and said so."""


@dataclass(frozen=True)
class Command:
    """One subcommand: a plain function and the options it reads."""

    run: Callable[[Invocation], int]
    examples: tuple[str, ...]
    groups: tuple[type, ...]
    files: str = ""
    """Name of the positional argument in help; "" when there is none."""
    files_help: str = ""
    only: Mapping[type, tuple[str, ...]] | None = None
    """Option classes of which the command offers some fields only."""

    def options(self) -> Iterator[tuple[str, Field[Any]]]:
        """Each option with the title of its panel: the first line of its class's docstring."""
        for group in self.groups:
            names = (self.only or {}).get(group)
            for item in fields(group):
                if names is None or item.name in names:
                    yield str(group.__doc__).splitlines()[0], item


@dataclass(frozen=True)
class Invocation:
    """A command as it was typed: its files, and the options that were given a value."""

    files: tuple[str, ...]
    values: Mapping[str, Any]

    @property
    def typed(self) -> frozenset[str]:
        """Names of the options that were given, on the command line or in a configuration."""
        return frozenset(self.values)

    @property
    def typed_training(self) -> frozenset[str]:
        """Those among them that shape a training."""
        return self.typed & TRAINING_OPTIONS

    def refuse_idle(self, task: str) -> None:
        """Raise UsageError for an option that was given and that ``task`` does not read."""
        idle = sorted(self.typed & IDLE.get(task, frozenset()))
        if idle:
            off = "no-" if self.values[idle[0]] is False else ""
            flag = f"--{off}{idle[0].replace('_', '-')}"
            raise UsageError(f"{flag} means nothing to the task {task}", f"leave out {flag}")

    def checked(self, events: Iterator[Seen]) -> Iterator[Seen]:
        """Pass events on, but end ahead of training when an option was given that the task does not read."""
        for event in events:
            if isinstance(event, PlanMade):
                self.refuse_idle(event.task)
            yield event

    def group(self, kind: type[Group]) -> Group:
        """One option class, with defaults for what was not given."""
        names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
        return kind(**{name: value for name, value in self.values.items() if name in names})

    def training(self) -> Options:
        """All options that shape a training."""
        return Options.from_flat(
            {name: self.values[name] for name in self.values if name in TRAINING_OPTIONS}
        )


def read_config(path: str, command: Command) -> dict[str, Any]:
    """Options from a TOML or JSON file, or the resolved options of a saved model directory.

    Raises UsageError for a file that cannot be read and for a key that is no option of the
    command, ModelError for a damaged model directory.
    """
    target = Path(path)
    raw = _saved_options(target) if target.is_dir() else _file_options(target, path)
    known = {item.name: item for _, item in command.options() if item.name != "config"}
    saved = target.is_dir() or "options" in raw
    values: dict[str, Any] = {}
    for key, value in (raw.get("options", raw) if saved else raw).items():
        name = str(key).replace("-", "_")
        if name not in known:
            if saved:
                continue  # a saved set holds every training option; this command may read fewer
            close = near_miss(name, known)
            raise UsageError(
                f"{path}: no option is called {key!r}",
                f"did you mean {close!r}?" if close else "leave it out",
            )
        if value is not None and not (saved and _is_default(known[name], value)):
            values[name] = parse_value(known[name], value, path)
    return values


def _is_default(item: Field[Any], value: Any) -> bool:
    """Whether a saved value is what the option is without being typed."""
    return bool((tuple(value) if isinstance(value, list) else value) == item.default)


def _saved_options(target: Path) -> dict[str, Any]:
    """The options in a model directory's own record."""
    from seqcli.model_dir import read_model

    return dict(read_model(target).record["options"])


def _file_options(target: Path, shown: str) -> dict[str, Any]:
    """The keys of a TOML or JSON file."""
    import json
    import tomllib

    try:
        text = target.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        hint = "--config takes a TOML or JSON file, or a model directory"
        raise UsageError(f"{shown}: cannot be read as a configuration: {reason}", hint) from None
    try:
        data = json.loads(text) if target.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{shown}: {' '.join(str(error).split())}", "a line looks like: hidden_size = 64"
        ) from None
    if not isinstance(data, dict):
        raise UsageError(f"{shown}: holds no options", "a line looks like: hidden_size = 64")
    return data
