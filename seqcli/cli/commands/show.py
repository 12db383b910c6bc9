"""``seqcli show``: a saved model's card, equations or trace; without a model, this installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqcli.cli.command import Command, Invocation
from seqcli.errors import UsageError
from seqcli.network import cell_title
from seqcli.options import ModelOptions, OutputOptions, PlotOptions
from seqcli.options_use import ShowOptions
from seqcli.reporting.results import result_stream, write_result
from seqcli.results import Cell, ResultColumn, ResultTable

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel


COLUMNS = (ResultColumn("item", emphasis=True), ResultColumn("value", ",", wrap=True))


def show(call: Invocation) -> int:
    """Write the card, the equations, the trace of a text, or what is installed, to stdout."""
    from seqcli.inference.trust import blamed_on
    from seqcli.model_dir import find_model, read_model
    from seqcli.saved.places import models_in

    output = call.group(OutputOptions)
    equations, text = call.group(ShowOptions).equations, call.group(ShowOptions).trace
    model_option = call.group(ModelOptions).model
    places = [*([] if model_option is None else [model_option]), *call.files]
    if len(places) > 1:
        hint = f"seqcli show {places[0]}" if text is None else "put the text of --trace in quotes"
        raise UsageError("show takes one model", hint)
    named = next(iter(places), None)
    plot = call.group(PlotOptions)
    if plot.plot is not None:
        check_curves(call)
    if Path(output.output or "").suffix.lower() == ".html":
        return page(call, named)
    if call.group(ShowOptions).data is not None:
        raise UsageError("--data goes into a report", "add -o report.html, or leave out --data")
    if text is not None:
        if equations:
            raise UsageError("--equations and --trace show different things", "leave one of them out")
        return trace(named, text, output)
    if named is None and not equations and plot.plot is None and not models_in(Path()):
        write_result(installation(), output)
        return 0
    model = read_model(find_model(named))
    if plot.plot is not None:
        from seqcli.cli.learning import plot_learning
        from seqcli.reporting.screen import Screen

        plot_learning(model, plot, Screen(output.quiet, output.verbose))
    if equations:
        from seqcli.backends.equations import equations as text_of

        with result_stream(output) as stream:
            stream.write(text_of(model.network).rstrip("\n") + "\n")
    else:
        with blamed_on(model):
            result = card(model)
        write_result(result, output)
    return 0


def check_curves(call: Invocation) -> None:
    """Refuse, ahead of the work, learning curves that could not be drawn. Raises UsageError."""
    from seqcli.reporting.plots import check_plot

    output, asked = call.group(OutputOptions), call.group(ShowOptions)
    if Path(output.output or "").suffix.lower() == ".html":
        raise UsageError("a report has the learning curves already", "leave out --plot, or -o")
    if asked.equations or asked.trace is not None:
        flag = "--equations" if asked.equations else "--trace"
        raise UsageError(
            f"--plot draws learning curves, and {flag} shows something else", f"leave out {flag}"
        )
    check_plot(call.group(PlotOptions), output)


def page(call: Invocation, named: str | None) -> int:
    """Write the report of the model called ``named``, one HTML page."""
    from seqcli.cli.report import report
    from seqcli.cli.use import open_model
    from seqcli.inference.trust import blamed_on
    from seqcli.reporting.results import check_output, result_stream
    from seqcli.reporting.screen import Screen

    output, asked = call.group(OutputOptions), call.group(ShowOptions)
    check_output(output)
    for flag, given in (("--equations", asked.equations), ("--trace", asked.trace is not None)):
        if given:
            raise UsageError(
                f"{flag} is no part of a report", f"leave out {flag}, or write it to another file"
            )
    if output.format is not None:
        raise UsageError("a report is a page of HTML", "leave out --format")
    screen = Screen(output.quiet, output.verbose)
    model = open_model(named, screen)
    with blamed_on(model):
        facts = card(model)
    text = report(model, facts, asked.data, screen)
    with result_stream(output) as stream:
        stream.write(text)
    screen.line(f"report: {output.output}, {len(text.encode()):,} bytes", "dim")
    return 0


def trace(named: str | None, text: str, output: OutputOptions) -> int:
    """Write the gates and states of the model called ``named`` while it reads ``text``."""
    from seqcli.backends.trace import check_traceable, pooled_shares, trace_network
    from seqcli.cli.use import open_model
    from seqcli.inference.reading import read_text
    from seqcli.readers.sources import bad_character
    from seqcli.reporting.results import check_output
    from seqcli.reporting.screen import Screen
    from seqcli.reporting.trace import report
    from seqcli.saved.exported import need_weights

    check_output(output)
    if fault := bad_character(text):
        raise UsageError(f"--trace: holds {fault}", "a text is typed in UTF-8")
    screen = Screen(output.quiet, output.verbose)
    model = open_model(named, screen)
    check_traceable(model.network)
    need_weights(model.record, model.path, "a trace")
    reading = read_text(model, text)
    traces = trace_network(model.network, model.weights(), reading.ids, reading.ahead)
    shares = pooled_shares(model.network, model.weights(), traces)
    report(screen, reading, traces, output, shares)
    return 0


def _typed_row(name: str, value: Any) -> tuple[str, Cell]:
    """An option that was typed; of a switch that was turned off as it is typed."""
    flag = name.replace("_", "-")
    return (f"typed: --no-{flag}", "yes") if value is False else (f"typed: --{flag}", _typed(value))


def _typed(value: Any) -> str:
    """An option's value much as it was typed."""
    if isinstance(value, list):
        return _list(value)
    if value is True:
        return "yes"
    return f"{value:g}" if isinstance(value, float) else str(value)


def card(model: SavedModel) -> ResultTable:
    """What a saved model is, in one table of two columns."""
    from seqcli.inference.trust import saved_task
    from seqcli.saved.exported import exported_parameters, origin
    from seqcli.tasks.base import Mixing

    record, network, task = model.record, model.network, saved_task(model)
    plan = task.plan
    direction = "both ways" if network.bidirectional else "forward"
    inputs = _list([*plan.text, *plan.features, *plan.indicators, *plan.audio]) or "past values of the target"
    rows: list[tuple[str, Cell]] = [("model", str(model.path)), ("task", plan.task)]
    rows += [("target", _list(plan.target)), ("inputs", inputs)]
    rows += [("layout", "wide: one series a row")] if plan.wide else []
    rows += [("time", plan.time)] if plan.time else []
    rows += [("series", _list(plan.id))] if plan.id else []
    rows += [("left out", f"{name}: {reason}") for name, reason in plan.left_out]
    what = f"{network.num_layers} × {cell_title(network.cell)} of {network.hidden_size}, read {direction}"
    pooling = network.read_out
    if network.decoder != "direct":
        steps = f"{network.segment} step{'' if network.segment == 1 else 's'}"
        pooling = f"{steps} at a time, {network.decoder} decoder"
    rows.append(("network", f"{what}, {pooling}, {network.init} initialisation"))
    exported = exported_parameters(record)
    rows.append(("parameters", _parameters(record["files"]) if exported is None else exported))
    rows += [("exported", f"with weights of 8 bits, from {origin(record)}")] if exported is not None else []
    mixed = task.composition(network.cell) if isinstance(task, Mixing) else ""
    rows += [("forecast" if plan.task == "forecast" else "answer", mixed)] if mixed else []
    rows.append(("trained on", f"{record['data']['source']}, {record['data']['rows']:,} rows"))
    rows.append(("made", f"{record['created'][:16].replace('T', ' ')} UTC, {model.age()}"))
    rows += [(f"test: {predictor}", _scores(values)) for predictor, values in record["metrics"].items()]
    typed = {name: model.options().get(name) for name in record["typed"]}
    rows += [_typed_row(name, value) for name, value in typed.items()]
    rows.append(("seed, threads, steps", f"{record['seed']}, {record['threads']}, {record['steps']}"))
    versions = (f"{name} {version}" for name, version in record["versions"].items() if version)
    rows.append(("versions", ", ".join(versions)))
    return ResultTable("", COLUMNS, list(rows))


def _scores(values: dict[str, float | None]) -> str:
    """Metrics in one line, in the same order for every predictor."""
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(values.items()) if value is not None)


def _list(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(str(name) for name in names)


def _parameters(files: dict[str, dict[str, object]]) -> int:
    """The number of the network's weights, from the shapes that the record lists."""
    from math import prod

    from seqcli.model_dir import TASK_ARRAY

    listed = [entry.get("tensors") for entry in files.values()]
    return sum(
        prod(shape)
        for tensors in listed
        if isinstance(tensors, dict)
        for name, (_, shape) in tensors.items()
        if not name.startswith(TASK_ARRAY)
    )


def installation() -> ResultTable:
    """Versions, threads and device of this installation."""
    from seqcli.threads import physical_cores, thread_count
    from seqcli.training.export import versions

    rows: list[tuple[Cell, ...]] = [(name, found or "not installed") for name, found in versions().items()]
    rows.append(("threads", f"{thread_count()} (of {physical_cores()} physical cores, at most 4)"))
    try:
        from seqcli.backends.device import choose_device
    except ModuleNotFoundError:
        rows.append(("device", "none to train on: torch is not installed"))
    else:
        rows.append(("device", str(choose_device("auto"))))
    return ResultTable("", COLUMNS, rows)


COMMAND = Command(
    run=show,
    examples=(
        "seqcli show reviews.seqcli",
        "seqcli show --equations -m reviews.seqcli",
        "seqcli show -m reviews.seqcli --trace 'The ending was not bad.'",
        "seqcli show reviews.seqcli --data test.csv -o report.html",
        "seqcli show reviews.seqcli --plot curves.png",
        "seqcli show",
    ),
    groups=(ModelOptions, ShowOptions, OutputOptions, PlotOptions),
    files="MODEL",
    files_help="A model directory, as with -m. Without any: versions, threads and device.",
)
