"""``evaluate --folds`` and ``--protocol``: a forecast that is trained to be tested, and not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcli.errors import UsageError
from seqcli.options import OutputOptions
from seqcli.options_use import BacktestOptions
from seqcli.reporting.live import TrainingView
from seqcli.reporting.progress import waiting
from seqcli.reporting.results import check_output
from seqcli.reporting.screen import Screen

if TYPE_CHECKING:
    from seqcli.cli.command import Invocation
    from seqcli.training.events import Tested


def run_backtest(call: Invocation, screen: Screen) -> Tested:
    """Train and test as typed, shown on the screen."""
    wanted = call.group(BacktestOptions)
    flag = "--folds" if wanted.folds else "--protocol"
    for name in ("model", "per_token"):
        if name in call.typed:
            other = "-m" if name == "model" else "--per-token"
            raise UsageError(
                f"{flag} trains what it tests, and {other} is for a saved model", f"leave out {other}"
            )
    call.refuse_idle("forecast")
    check_output(call.group(OutputOptions))
    with waiting(screen, "starting"):
        from seqcli.training.folds import backtest
    return TrainingView(screen).follow_backtest(backtest(call.files, call.training(), wanted))
