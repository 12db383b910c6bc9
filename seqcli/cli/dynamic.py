"""``evaluate --dynamic``: a language model that learns from the text it is scored on, beside itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from seqcli.cli.command import Invocation
from seqcli.errors import UsageError
from seqcli.options import TrainingOptions
from seqcli.options_use import EvaluateOptions
from seqcli.reporting.progress import counted, waiting
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.sequences import Examples, Windows
    from seqcli.tasks.base import Scores

OBEYED = frozenset({"learning_rate", "bptt", "threads"})
"""Training options that say how the model goes on learning."""


def check_dynamic(call: Invocation, model: SavedModel) -> None:
    """Raise UsageError where nothing can go on learning, or where tokens are asked for."""
    if not model.network.streams:
        raise UsageError("--dynamic goes with a language model, which this is not", "leave out --dynamic")
    if call.group(EvaluateOptions).per_token:
        raise UsageError("--per-token is of the model as it was saved", "leave out --dynamic or --per-token")


def dynamic_scores(call: Invocation, model: SavedModel, examples: Examples, screen: Screen) -> list[Scores]:
    """How well the text is foreseen by a model that learns from what it has read of it."""
    with waiting(screen, "starting"):
        import numpy as np

        from seqcli.tasks.base import Scores
        from seqcli.tasks.language_scores import text_scores
        from seqcli.training.dynamic import RATE, SEGMENT, DynamicSteps, dynamic_nats

    training = call.group(TrainingOptions)
    how = DynamicSteps(training.learning_rate or RATE, training.bptt or SEGMENT, training.threads)
    windows = cast("Windows", examples)
    total, done = len(windows.past["target"]), 0
    nats = np.full((total, 2), np.nan, dtype=np.float32)
    pieces = dynamic_nats(model, windows, how)
    for piece in counted(screen, pieces, "tokens", lambda: float(np.isfinite(nats[:, 0]).mean())):
        nats[done : done + len(piece), 0] = piece
        done += len(piece)
    screen.line(
        f"dynamic: learns from each {how.segment} tokens once they are scored, by Adam at {how.rate:g}; "
        "the saved model stays as it is",
        "dim",
    )
    return [Scores(f"seqcli ({model.network.cell}), dynamic", text_scores(nats))]
