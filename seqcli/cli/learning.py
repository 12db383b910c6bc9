"""The learning curves of a model in the file of ``--plot``, for the commands that offer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcli.options import PlotOptions
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel


def plot_learning(model: SavedModel, plot: PlotOptions, screen: Screen) -> None:
    """Draw what the model's history says, epoch by epoch, into the file that ``plot`` names."""
    from seqcli.reporting.learning import NOTHING, history_of, learning_panels
    from seqcli.reporting.panel_figure import PanelFigure, write_panels
    from seqcli.saved.record import HISTORY

    record = model.record
    panels = learning_panels(history_of(model.content(HISTORY)))
    kind = str(record["task"]["name"]).partition(".")[0]
    said = f"{kind}, {model.network.cell}, trained on {record['data']['source']}, {record['steps']:,} steps"
    write_panels(PanelFigure(f"Training of {model.path.name}", said, panels), plot, screen, NOTHING)
