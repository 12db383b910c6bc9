"""``seqcli inspect-gradients``: how far back gradients reach, cell beside cell, before and after training."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from seqcli.cli.command import Command, Invocation
from seqcli.cli.use import open_model, read_whole
from seqcli.cli.values import flag_name
from seqcli.errors import UsageError
from seqcli.options import (
    ColumnOptions,
    ForecastOptions,
    ModelOptions,
    NetworkOptions,
    OutputOptions,
    PlotOptions,
    ReadingOptions,
    TrainingOptions,
)
from seqcli.options_use import InspectOptions
from seqcli.reporting.gradients import follow, report
from seqcli.reporting.plots import check_plot, write_figure
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import check_output
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.sequences import Examples

OWN = frozenset(item.name for item in fields(InspectOptions))
NETWORK = ("hidden_size", "num_layers", "embedding_size", "init")
TRAINING = ("epochs", "batch_size", "learning_rate", "clip_norm", "clip_value", "seed", "threads")
COLUMNS = tuple(item.name for item in fields(ColumnOptions) if item.name != "every")
"""Without the time between the values of a wide row: --every counts steps of the training here."""
NOT_LINEAR = (frozenset(TRAINING) | {"cells", "init", "init_scale", "look_every"}) - {"seed", "threads"}
WITHOUT_FILE = frozenset({"hidden_size", "num_layers", "init", "seed", "threads"})
WITH_MODEL = frozenset({"look_back", "seed", "show_all"})
OF_A_FILE = frozenset({"input_format", "encoding", "delimiter", "names"})
"""Options that change nothing for a linear cell; those that do on random sequences, beside a model, and
beside a model and a file."""


def inspect_gradients(call: Invocation) -> int:
    """Write the table, or every number, to stdout; chart and verdict go to stderr."""
    output = call.group(OutputOptions)
    plot = call.group(PlotOptions)
    check_output(output)
    check_plot(plot, output)
    inspect, named = call.group(InspectOptions), call.group(ModelOptions).model
    refuse_idle_options(call, named)
    screen = Screen(output.quiet, output.verbose)
    with waiting(screen, "starting"):
        from seqcli.training.gradients.inspection import inspect_cells, inspect_model, known_cells
    if named is None:
        known_cells(inspect.cells)  # before a file is read
        events = inspect_cells(call.files, call.training(), inspect)
    else:
        model = open_model(named, screen)
        examples = read_examples(model, call, screen) if call.files else None
        seed = call.training().training.seed
        events = inspect_model(model, examples, ", ".join(call.files), inspect, seed)
    found = follow(screen, events, call.refuse_idle)
    report(screen, found, output, inspect.show_all)
    if plot.plot is not None:
        from seqcli.reporting.gradient_figure import gradient_figure
        from seqcli.reporting.gradient_plots import DRAWN

        source = ", ".join(Path(name).name for name in call.files) or (named or "")
        figure = gradient_figure(found, source)
        write_figure(figure, plot, screen, (DRAWN, "panels", "no cell has a gradient"))
    return 0


def refuse_idle_options(call: Invocation, named: str | None) -> None:
    """Raise UsageError for an option that was typed and would change nothing."""
    if named is None and "linear" in call.typed and call.typed & NOT_LINEAR:
        idle, why = call.typed & NOT_LINEAR, "a linear cell is shown alone, as it begins"
    elif named is not None:
        idle = (call.typed_training | (call.typed & OWN)) - WITH_MODEL - (OF_A_FILE if call.files else set())
        why = f"-m {named} is inspected as it is" + ("" if call.files else ", on random sequences")
    elif not call.files:
        idle = (call.typed_training | (call.typed & {"look_every"})) - WITHOUT_FILE
        why = "without a file nothing is read or trained"
    else:
        return
    if idle:
        flag = min(flag_name(item) for _, item in COMMAND.options() if item.name in idle)
        raise UsageError(f"{flag} means nothing here: {why}", f"leave out {flag}")


def read_examples(model: SavedModel, call: Invocation, screen: Screen) -> Examples:
    """The sequences of a file, as the model's own task makes them."""
    from seqcli.inference.trust import blamed_on, saved_task

    task = saved_task(model)
    table = read_whole(call.files, call.group(ReadingOptions), screen)
    with blamed_on(model):
        # A task that gives each row an answer needs none to read it; a forecast's windows come with theirs.
        return task.encode(table) if hasattr(task, "decode") else task.encode_labelled(table)


COMMAND = Command(
    run=inspect_gradients,
    examples=(
        "seqcli inspect-gradients",
        "seqcli inspect-gradients reviews.csv",
        "seqcli inspect-gradients prices.csv --cells rnn,gru --steps 40 --format csv -o norms.csv",
        "seqcli inspect-gradients -m reviews.seqcli reviews.csv",
        "seqcli inspect-gradients --linear 0.9 --full",
        "seqcli inspect-gradients reviews.csv --every 50 --plot gradients.svg",
        "seqcli inspect-gradients --init-scale 3 --steps 60",
    ),
    groups=(
        InspectOptions,
        ModelOptions,
        ReadingOptions,
        ColumnOptions,
        NetworkOptions,
        TrainingOptions,
        ForecastOptions,
        OutputOptions,
        PlotOptions,
    ),
    only={
        ColumnOptions: COLUMNS,
        NetworkOptions: NETWORK,
        TrainingOptions: TRAINING,
        ForecastOptions: ("window", "horizon", "decoder", "segment"),
    },
    files="FILE",
    files_help="A file as for train. Without one, and without -m, random sequences are looked at.",
)
