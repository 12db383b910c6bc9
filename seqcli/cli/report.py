"""The report of a model: what it is, how it was trained, how good it is, and on a file what it gets wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqcli.errors import UsageError
from seqcli.options import ReadingOptions
from seqcli.reporting.confusion import TITLE as CONFUSION
from seqcli.reporting.learning import history_of, learning_panels
from seqcli.reporting.panel_figure import alone
from seqcli.reporting.report_page import Section, figures, markdown_sections, page, table_html
from seqcli.reporting.screen import Screen
from seqcli.reporting.svg import escaped
from seqcli.results import ResultColumn, ResultTable
from seqcli.saved.record import CARD, HISTORY

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel

FROM_CARD = ("Data", "Split", "Members", "Limits", "Use", "Export")
"""Sections of the card that no table of the report repeats."""
AHEAD = ("Data", "Split")
"""Those that come before what was measured."""


def report(model: SavedModel, facts: ResultTable, data: str | None, screen: Screen) -> str:
    """The page. ``facts`` is the card; ``data`` names a file with answers to measure the model on."""
    history = history_of(model.content(HISTORY))
    told = markdown_sections(model.content(CARD).decode())
    made = f"{model.record['created'][:16].replace('T', ' ')} UTC"  # the page stays, the model's age does not
    rows = [(row[0], made if row[0] == "made" else row[1]) for row in facts.rows]
    card = ResultTable("", facts.columns, [row for row in rows if not str(row[0]).startswith("test: ")])
    written = {title: Section(title, [told[title]]) for title in FROM_CARD if told.get(title)}
    sections = [
        Section("The model", [table_html(card)]),
        *(written[title] for title in AHEAD if title in written),
        Section("Training", curves(history)),
        Section("Test", tested(model)),
        *([] if data is None else on_file(model, data, screen)),
        *(section for title, section in written.items() if title not in AHEAD),
    ]
    kind = str(model.record["task"]["name"]).partition(".")[0]
    source = model.record["data"]["source"]
    return page(model.path.absolute().name, f"{kind}, trained on {source}, {made}", sections)


def curves(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """The learning curves; nothing where no epoch was written down."""
    panels = learning_panels(history)
    drawn = figures([alone(panel, f"curve{place}") for place, panel in enumerate(panels)])
    note = '<p class="sub">On the dashed line stands the epoch whose weights were kept.</p>'
    return [drawn, note] if drawn else []


def tested(model: SavedModel) -> list[str]:
    """The kept figures of the test part, the model's first and then the baselines'."""
    metrics = model.record["metrics"]
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    specs = [_spec([values.get(name) for values in metrics.values()]) for name in names]
    measures = (ResultColumn(name, spec) for name, spec in zip(names, specs, strict=True))
    columns = (ResultColumn("predictor", emphasis=True), *measures)
    rows = [(called, *(_rounded(values.get(name)) for name in names)) for called, values in metrics.items()]
    return [table_html(ResultTable("", columns, list(rows)))] if rows else []


def _spec(values: Sequence[float | None]) -> str:
    """How the numbers of a column are written: as many decimals for all of them as the largest can bear."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    if not 1e-3 <= largest < 1e6:
        return ""
    return f".{5 - max(math.floor(math.log10(largest)), 0)}f"


def _rounded(value: float | None) -> float | None:
    """A figure of which nothing is left but the error of adding up is 0."""
    return value if value is None or abs(value) > 1e-9 else 0.0


def on_file(model: SavedModel, data: str, screen: Screen) -> list[Section]:
    """What the model makes of a file: its figures and mistakes there, and the forecast that follows it."""
    from seqcli.cli.use import read_whole
    from seqcli.inference.evaluate import measure
    from seqcli.reporting.panels import MatrixPanel
    from seqcli.reporting.scored_figure import scored_panels

    table = read_whole([data], ReadingOptions(), screen)
    measured = measure(model, table, screen.warn)
    panels = scored_panels(measured)
    drawn = any(isinstance(panel, MatrixPanel) for panel in panels)
    parts = [figures([alone(panel, f"scored{place}") for place, panel in enumerate(panels)])]
    for result in measured.tables:
        if result.title != CONFUSION or not drawn:
            parts.append(table_html(result, title=result.title != "Test"))
    notes = dict.fromkeys(panel.note for panel in panels if panel.note)
    parts[1:1] = [f'<p class="sub">{escaped(note)}.</p>' for note in notes]
    return [Section(f"On {Path(table.source).name}", list(filter(None, [*fan(model, data, screen), *parts])))]


def fan(model: SavedModel, data: str, screen: Screen) -> list[str]:
    """The forecast after the last row of a file as a drawing; nothing for any other task."""
    from seqcli.cli.use import read_whole
    from seqcli.inference.forecast import forecast_rows, forecast_task
    from seqcli.reporting.fan_svg import inline_svg
    from seqcli.reporting.forecast import forecast_figure

    try:
        task = forecast_task(model)
    except UsageError:
        return []
    table = read_whole([data], ReadingOptions(), Screen(quiet=True))
    found = forecast_rows(model, table)
    shown = (found.rows, found.context, task.plan.target, task.calendar, table.source)
    figure = forecast_figure(*shown)
    return [figures([inline_svg(figure, "fan")], wide=True)] if figure.panels else []
