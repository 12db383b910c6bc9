"""What the loop is told, from the choices that a run has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcli.backends.device import multiplies_bfloat16
from seqcli.network import RESIDUAL, NetworkSpec
from seqcli.options import Options
from seqcli.preprocessing.vocabulary import PADDING
from seqcli.tasks.base import Prepared
from seqcli.threads import team_place
from seqcli.training.chained import changer, scoring
from seqcli.training.fit_setup import FitSetup
from seqcli.training.refusals import reads_steps, training_device
from seqcli.training.streams import writer

if TYPE_CHECKING:
    from seqcli.training.run import Run


def fit_setup(run: Run) -> FitSetup:
    """What the loop is told, from the choices made."""
    training, task = run.options.training, run.prepared.task
    return FitSetup(
        loss=run.prepared.loss,
        batch_size=training.batch_size or 1,
        learning_rate=training.learning_rate or 0.0,
        epochs=training.epochs,
        steps=training.steps,
        time_budget=training.time_budget,
        stop_at=training.stop_at,
        weight_decay=FitSetup.weight_decay if training.weight_decay is None else training.weight_decay,
        clip_norm=training.clip_norm,
        clip_value=training.clip_value,
        patience=training.patience,
        seed=training.seed,
        score=scoring(task, run.network),
        metric=task.metric,
        higher_is_better=task.higher_is_better,
        device=str(training_device(training)),
        optimizer=training.optimizer or "adamw",
        label_smoothing=training.label_smoothing or 0.0,
        ema=training.ema or None,
        bptt=training.bptt,
        line_end=_line_end(run.prepared),
        backend=training.backend,
        precision=training.precision or "float32",
        write=writer(run.prepared.writing),
        change=changer(task, training.seed),
    )


def _line_end(prepared: Prepared) -> int | None:
    """The token that a text's lines end with, as the network knows it."""
    opening = [] if prepared.writing is None else prepared.writing.opening.tolist()
    return opening[-1] if opening and opening[-1] != PADDING else None


def resolved_options(options: Options, prepared: Prepared, threads: int) -> Options:
    """``options`` with every None that the task or the machine's rule has decided filled in."""
    spec = prepared.network
    shape = ["cell", "hidden_size", "num_layers", "dropout", "bidirectional"]
    if spec.pool != "none":
        shape.append("pool")
    if spec.chain or spec.members > 1:
        shape.append("members")
    usual = dict(prepared.training)
    if reads_steps(prepared):
        usual["stem"] = "conv" if spec.stem else "none"
    if any(item.of_text for item in spec.inputs):
        shape += ["embedding_dropout", "variational"]
        shape += [] if spec.streams else ["word_dropout"]
        usual["subwords"] = any(item.kind == "bags" for item in spec.inputs) if not spec.streams else None
    if options.training.steps or options.training.time_budget:
        usual.pop("epochs", None)  # the length is typed; passes would only cut it short
    if not len(prepared.validation):
        usual.pop("patience", None)
    if usual.get("batch_size") and not usual.get("bptt") and options.training.bptt is None:
        usual["batch_size"] *= team_place()[1]  # each process takes as many rows as one alone would
    decided = {
        "weight_decay": FitSetup.weight_decay,
        "precision": _precision(spec, training_device(options.training).type),
        **usual,
        **{name: getattr(spec, name) for name in shape},
        "embedding_size": max((item.embedding_size for item in spec.inputs), default=0) or None,
        "threads": threads,
    }
    flat = options.to_flat()
    return Options.from_flat({name: value for name, value in decided.items() if flat[name] is None}, options)


def _precision(spec: NetworkSpec, device: str) -> str:
    """bfloat16 for a text's network that is all large products, on a processor that gains by it."""
    gains = spec.streams and spec.cell in RESIDUAL and device == "cpu"
    return "bfloat16" if gains and multiplies_bfloat16() else "float32"
