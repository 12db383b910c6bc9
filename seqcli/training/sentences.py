"""A training in sentences: what was decided ahead of it, and what it kept to."""

from __future__ import annotations

from seqcli.network import cell_title
from seqcli.options import TrainingOptions
from seqcli.tasks.base import Plan, Prepared
from seqcli.threads import team_place
from seqcli.training.fit_setup import FitOutcome

WHY_FORWARD = {
    "forecast": ", since nobody has the future",
    "language": ", since a text is written from its beginning",
    "music": ", since a piece is written from its beginning",
    "pianoroll": ", since a piece is written from its beginning",
}
MUSIC = ("music", "pianoroll")
"""Tasks whose rows are pieces of music."""
DECODING = {
    "parallel": "all steps to come side by side",
    "recursive": "the steps to come one by one",
    "direct": "all steps to come at once from that",
}
"""How a decoder makes the steps of a forecast."""
_NAMED = 8
"""Columns that the plan names one by one."""


def plan_lines(prepared: Prepared, training: TrainingOptions, threads: int) -> tuple[str, ...]:
    """Task, columns, network and training; ``training`` holds every choice made."""
    spec, plan = prepared.network, prepared.task.plan
    direction = "in both directions" if spec.bidirectional else "forward"
    layers = f"{spec.num_layers} layers" if spec.num_layers > 1 else "1 layer"
    cell = cell_title(spec.cell)
    pooling = spec.read_out
    if spec.decoder != "direct":
        pooling = f"{count(spec.segment, 'step')} at a time"
    if plan.task == "forecast":
        pooling += f", {DECODING[spec.decoder]}"
    if spec.stem:
        layers = f"{count(spec.stem, 'convolution')} and {layers}"
    if spec.members > 1 and not spec.chain:
        layers = f"{spec.members} times {layers}"
    network = (
        f"network: {cell}, {layers} of {spec.hidden_size} units read {direction}, "
        f"{pooling}, {spec.init} initialisation{', state carried from row to row' if spec.stateful else ''}"
    )
    amount = f"{prepared.sizes[0]:,} {prepared.unit}"
    batches = f"batches of {training.batch_size}"
    if training.bptt:
        batches = f"read from {count(training.batch_size or 1, 'place')} at once, gradients cut after "
        batches += count(training.bptt, "step")
    by = " by NumPy" if training.backend == "numpy" else ""
    fitting = (
        f"training{by}: {amount}, {_length(training)}, {batches}, {_sharing()}{count(threads, 'thread')}, "
        f"seed {training.seed}"
    )
    ahead = []
    if training.pretrain not in (None, "none"):
        what = "the training rows" if training.pretrain == "training" else training.pretrain
        ahead = [f"first: it learns to foresee the words of {what} (--pretrain none leaves that out)"]
    return (*plan.reasons, _columns_line(plan), network, *ahead, fitting)


def kept_rules(prepared: Prepared, training: TrainingOptions, outcome: FitOutcome) -> list[str]:
    """What the training itself kept to: how it ended, what was clipped, which way the network reads."""
    task = prepared.task.plan.task
    limit = f"to a norm of {training.clip_norm:g}"
    if training.clip_value is not None:
        limit = f"to ±{training.clip_value:g} each"
    direction = "in both directions, since the whole input is there"
    cut = ", cut after " + count(training.bptt, "step") if training.bptt else ""
    if not prepared.network.bidirectional:
        direction = "forward alone" + WHY_FORWARD.get(task, "")
    if task == "translate":
        direction = f"the source {direction.partition(',')[0]}, what is written forward alone"
    short = ", large products in bfloat16" if training.precision == "bfloat16" else ""
    processes = team_place()[1]
    shared = f", the rows of each batch shared by {processes} processes" if processes > 1 else ""
    return [
        f"training: {outcome.reason}{short}{shared}",
        f"gradients clipped {limit}: {100 * outcome.clipped:.1f} % of {count(outcome.steps, 'step')}{cut}",
        f"read {direction}",
    ]


def _columns_line(plan: Plan) -> str:
    """Which column is what, whatever rule found it."""
    if plan.task in MUSIC:
        return f"columns: {plan.text[0]}, a piece a row"
    inputs = plan.features or plan.indicators
    past = ("its own past",) if plan.task == "forecast" and not inputs else ()
    language, judged = plan.task == "language", plan.task == "reconstruct"
    roles = {
        "text": plan.text if language else (),
        "depending on": plan.features if language else (),
        "target": () if language or judged else plan.target,
        "from": () if language else (*plan.text, *plan.features, *plan.audio, *plan.indicators, *past),
        "known ahead": plan.ahead,
        "of each series": plan.static,
        "over": (plan.time,) if plan.time else (),
        "for each": plan.id,
        "judged by": plan.target if judged else (),
        "together in the split": (plan.group,) if plan.group else (),
    }
    return "columns: " + "; ".join(f"{role} {_list(names)}" for role, names in roles.items() if names)


def _list(names: tuple[str, ...]) -> str:
    """Names by commas; of many, the first ones and their number."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _sharing() -> str:
    """How many processes share each batch, ahead of the threads of each."""
    processes = team_place()[1]
    return f"{processes} processes, each of " if processes > 1 else ""


def _length(training: TrainingOptions) -> str:
    """How long a training may last."""
    said = [f"for {training.time_budget:g} s"] if training.time_budget else []
    if training.steps:
        said.append(("at most " if said else "") + count(training.steps, "step"))
    if training.epochs:
        said.append(f"at most {count(training.epochs, 'epoch')}")
    if training.stop_at:
        said.append(f"stopped at step {training.stop_at:,}")
    return ", ".join(said)


def count(number: int, noun: str) -> str:
    """1 epoch, 2 epochs, 1,300 steps."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
