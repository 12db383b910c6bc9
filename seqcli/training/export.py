"""What stands in a model directory besides weights and graphs: the record and the model card.

Neither knows where it is written; ``seqcli.model_dir`` does that.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import seqcli
from seqcli import __version__
from seqcli.network import NetworkSpec
from seqcli.options import Options
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.tasks.base import Plan, Scores, Task
from seqcli.training.card_limits import LIMITS
from seqcli.training.sentences import MUSIC

RECONSTRUCT = "reconstruct"
PACKAGES = ("torch", "numpy", "safetensors", "onnx", "onnxruntime", "scikit-learn")


def model_record(
    task: Task,
    network: NetworkSpec,
    scores: Sequence[Scores],
    options: Options,
    *,
    typed: Iterable[str],
    threads: int,
    steps: int,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """All keys of ``model.json`` that are not made while writing, as JSON values.

    ``options`` are the resolved ones; ``typed`` names those a person gave. ``data`` has the keys
    source, digest and rows, and may say more. ``scores`` are those on the test part, the network's
    and the baselines'; a NaN among them becomes null.
    """
    return {
        "task": {"name": task.name, **task.to_json()},
        "network": network.to_json(),
        "metrics": {score.predictor: _finite(score.values) for score in scores},
        "options": options.to_flat(),
        "typed": sorted(typed),
        "seed": options.training.seed,
        "threads": threads,
        "steps": steps,
        "versions": versions(),
        "data": dict(data),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a model; "" for one that is not installed."""
    found = {"seqcli": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return {**found, "seqcli": seqcli.__version__}


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN and no infinity."""
    return {name: float(value) if math.isfinite(value) else None for name, value in values.items()}


@dataclass(frozen=True)
class CardFacts:
    """What a model card says that the record does not hold."""

    name: str
    """Name of the model directory: "reviews.seqcli"."""
    result: ResultTable
    """Test table: the network beside the baselines."""
    parameters: int
    parts: Mapping[str, int]
    """Part ("train", "validation", "test") → how much it holds, in ``unit``."""
    rules: Sequence[str]
    """Sentences on what was kept."""
    warnings: Sequence[str]
    """Sentences on odd data."""
    unit: str = "examples"
    refitted: bool = False
    """Whether the network went on over all rows after the test."""
    composition: str = ""
    """Which members count how much, in a sentence; empty where the network is alone."""
    held_out: str = "validation part"
    """What intervals were measured on."""


def model_card(record: Mapping[str, Any], plan: Plan, facts: CardFacts) -> str:
    """The model directory's README.md: what it is, data, split, quality, use, limits (markdown)."""
    data, source = record["data"], record["data"]["source"]
    target = ", ".join(plan.target)
    rows = [f"{part}: {count:,}" for part, count in facts.parts.items()]
    said = [] if plan.task in ("language", *MUSIC) else [f"Target: {target}"]
    if plan.task == RECONSTRUCT:
        said = [f"Judged by, and not learnt from: {target}"] if target else []
    sections = [
        f"# {facts.name}",
        f"{_what(plan)} It was trained by seqcli {record['versions']['seqcli']} on {record['created'][:10]}.",
        "## Data",
        _bullets(
            [
                f"Source: `{source}`, {data['rows']:,} rows, SHA-256 `{data['digest'][:16] or 'unknown'}…`",
                *said,
                *_inputs(plan),
                *facts.warnings,
            ]
        ),
        "## Split",
        _bullets([f"{facts.unit.capitalize()}: {', '.join(rows)}", *facts.rules]),
        "## Quality on the test part",
        markdown_table(facts.result),
        *([facts.result.caption] if facts.result.caption else []),
        _refit_sentence(facts.refitted),
        *(["## Members", _bullets(_member_lines(plan, facts))] if facts.composition else []),
        "## Network",
        _bullets(_network_lines(record, facts.parameters)),
        "## Use",
        _usage(plan, facts.name, source),
        "## Limits",
        _bullets(_limits(plan, facts)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def markdown_table(table: ResultTable) -> str:
    """A result table as GitHub markdown, numbers formatted as a person sees them."""
    head = [column.name for column in table.columns]
    body = [
        [_shown(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _shown(cell: Cell, column: ResultColumn) -> str:
    if cell is None:
        return ""
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return format(cell, column.spec) if is_number else str(cell)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _what(plan: Plan) -> str:
    target = " and ".join(plan.target)
    if plan.task == "forecast":
        each = f" of each {', '.join(plan.id)}" if plan.id else ""
        return f"A recurrent network that forecasts the next values of {target}{each}."
    if plan.task == "language":
        given = f" for a given {' and '.join(plan.features)}" if plan.features else ""
        return f"A recurrent network that writes text like the column {target}{given}, token by token."
    if plan.task in MUSIC:
        kind = "event by event" if plan.task == "music" else "as keys that sound at each step"
        return f"A recurrent network that writes music like the pieces it was trained on, {kind}."
    if plan.task == "translate":
        return f"A recurrent network that reads the column {plan.text[0]} and writes the column {target}."
    if plan.task == "tag":
        return f"A recurrent network that gives each word a tag, as the column {target} does."
    if plan.task == "steps":
        each = "base of DNA" if plan.text else "row of a series"
        return f"A recurrent network that gives each {each} a label, as the column {target} does."
    if plan.task == RECONSTRUCT:
        return "A recurrent network that writes usual series again; the worse it does, the odder a series is."
    if plan.task == "transcribe":
        return f"A recurrent network that writes what is said in a clip, as the column {target} does."
    if plan.task == "multilabel":
        if plan.separator:
            return (
                f"A recurrent network that gives each row any number of labels, as the column {target} does."
            )
        return f"A recurrent network that answers {target} with yes or no, each by itself."
    verb = "predicts the class" if plan.task == "classify" else "predicts the number"
    return f"A recurrent network that {verb} in the column {target}."


def _inputs(plan: Plan) -> list[str]:
    conditioned = plan.task == "language"
    named = {
        "Text": plan.text,
        "Sound": plan.audio,
        "Condition" if conditioned else "Features": (*plan.features, *plan.indicators),
        "Time": (plan.time,) if plan.time else (),
        "Series": plan.id,
        "Groups": (plan.group,) if plan.group else (),
    }
    return [f"{kind}: {', '.join(columns)}" for kind, columns in named.items() if columns]


def _network_lines(record: Mapping[str, Any], parameters: int) -> list[str]:
    network = record["network"]
    pooled = "an answer at each step" if network["pool"] == "none" else f"pooled by {network['pool']}"
    if network["attention"]:
        pooled = f"a text written token by token with {network['attention']} attention"
    if network["decoder"] != "direct":
        pooled = f"{network['segment']} steps at a time, {network['decoder']} decoder"
    way = "both ways" if network["bidirectional"] else "one way"
    threads = "1 thread" if record["threads"] == 1 else f"{record['threads']} threads"
    layers = "1 layer" if network["num_layers"] == 1 else f"{network['num_layers']} layers"
    return [
        f"{network['cell']}, {layers} of {network['hidden_size']} units, read {way}, "
        f"{pooled}; {parameters:,} parameters",
        f"{record['steps']:,} optimiser steps, seed {record['seed']}, {threads}; "
        "every option is in `model.json`",
    ]


def _member_lines(plan: Plan, facts: CardFacts) -> list[str]:
    """What the answer is made of, and how a forecast's intervals came about."""
    idle = facts.held_out != "validation part" and not facts.refitted
    lines = [facts.composition[:1].upper() + facts.composition[1:]]
    if idle:
        lines.append("The network has no weight, so it was not trained further after the test")
    if plan.task == "forecast":
        lines.append(
            "Intervals are split conformal: at each step ahead as wide as the errors of the whole forecast "
            f"on the {facts.held_out} were"
        )
    return lines


def _refit_sentence(refitted: bool) -> str:
    if not refitted:
        return ""
    return (
        "After this test the network went on training over all rows, the test part included, with the "
        "preprocessing fitted on the training part. Scores on rows of the source file are no measure "
        "of quality."
    )


def _usage(plan: Plan, name: str, source: str) -> str:
    """Commands that can be copied; names with odd characters are quoted for a shell."""
    import shlex

    model, file = shlex.quote(name), shlex.quote(source)
    if plan.task == "forecast":
        lines = [f"seqcli forecast {file} -m {model}", f"seqcli evaluate {file} -m {model}"]
    elif plan.task == "language":
        more = "more.csv" if plan.features else "more.txt"
        lines = [f"seqcli generate -m {model} --prompt 'It '", f"seqcli evaluate {more} -m {model}"]
    elif plan.task in MUSIC:
        lines = [f"seqcli generate -m {model} -o tune.mid", f"seqcli evaluate {file} -m {model}"]
    elif plan.task == "translate":
        lines = [
            f"echo 'One text a line.' | seqcli predict - -m {model}",
            f"seqcli predict new.csv -m {model} --beam 10 --n-best 3",
            f"echo 'One text.' | seqcli predict - -m {model} --align --format table",
            f"seqcli evaluate pairs.csv -m {model}",
        ]
    elif plan.task == "tag":
        lines = [
            f"echo 'One sentence a line.' | seqcli predict - -m {model}",
            f"seqcli predict new.txt -m {model} --format conll",
            f"seqcli evaluate tagged.conll -m {model}",
        ]
    elif plan.task == "steps":
        lines = [f"seqcli predict new.csv -m {model}", f"seqcli evaluate labelled.csv -m {model}"]
    elif plan.task == RECONSTRUCT:
        lines = [
            f"seqcli predict new.csv -m {model}",
            f"seqcli predict new.csv -m {model} --per-step",
            f"seqcli evaluate labelled.csv -m {model} --anomalous VALUE",
        ]
    else:
        lines = [
            f"seqcli predict new.csv -m {model}",
            f"tail -f new.jsonl | seqcli predict - -m {model} --format jsonl",
            f"seqcli evaluate labelled.csv -m {model}",
        ]
    return "```sh\n" + "\n".join([*lines, f"seqcli show -m {model}"]) + "\n```"


def _limits(plan: Plan, facts: CardFacts) -> list[str]:
    """What a card says a model is not good for."""
    test = facts.parts.get("test", 0)
    kind = "music" if plan.task in MUSIC else plan.task
    return [
        f"The table above rests on {test:,} test {facts.unit} of one file; other data may be harder.",
        *(limit.format(held_out=facts.held_out) for limit in LIMITS[kind]),
        "It repeats whatever bias its training data hold.",
    ]
