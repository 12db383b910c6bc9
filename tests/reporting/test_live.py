"""A training shown as lines, and as a live table on a pretended terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

import seqcli.training.events
from seqcli.reporting.live import (
    TrainingView,
    epoch_line,
    epoch_table,
    progress_text,
)
from seqcli.reporting.screen import Screen, Tolerant
from seqcli.reporting.tables import drawn
from seqcli.results import ResultColumn, ResultTable
from seqcli.training.events import EpochDone, Notice, PlanMade, StepDone, Trained

PARAMETERS = ResultTable(
    "Network", (ResultColumn("layer"), ResultColumn("parameters", ",")), [("total", 2201857)]
)
PLAN = PlanMade("classify", ("target label: two values",), ("3 rows dropped",), PARAMETERS)
END = Trained(Path("x.seqcli"), PARAMETERS, (), (), "")
TESTED = seqcli.training.events.Tested(PARAMETERS, ())  # an imported Test… would be collected


def epoch(number, phase="fit", best=False, score=0.5):
    validation = {} if phase == "refit" else {"macro_f1": score, "loss": 0.7}
    return EpochDone(phase, number, 30, 0.6, validation, 1e-3, 0.031, best, 1.0)


def events(epochs):
    yield PLAN
    for number in range(1, epochs + 1):
        yield StepDone("fit", number, epochs, float(number))
        yield epoch(number, best=number == 2)
    yield Notice("early stopping after 3 epochs without a better score")
    yield epoch(1, "refit")
    yield END


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_a_pipe_gets_a_few_lines() -> None:
    stream = io.StringIO()
    result = TrainingView(Screen(stream=stream)).follow(events(30))
    lines = stream.getvalue().splitlines()
    assert result is END
    assert "target label: two values" in lines
    assert "note: 3 rows dropped" in lines
    assert "2,201,857" in stream.getvalue()
    said = [line for line in lines if line.startswith("epoch ")]
    assert said[0].startswith("epoch 1/30")
    assert said[-1].startswith("epoch 30/30")
    assert len(said) < 10
    assert any(line.startswith("all rows, epoch 1/30") for line in lines)
    assert "early stopping after 3 epochs without a better score" in lines


def test_an_empty_line_parts_a_backtest_from_its_tables(terminal) -> None:
    TrainingView(Screen(stream=terminal)).follow_backtest(iter([next(events(3)), Notice("mixed"), TESTED]))
    assert terminal.getvalue().endswith("mixed\n\n")


def test_verbose_says_every_epoch() -> None:
    stream = io.StringIO()
    TrainingView(Screen(verbose=True, stream=stream)).follow(events(30))
    assert sum(line.startswith("epoch ") for line in stream.getvalue().splitlines()) == 30


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    TrainingView(Screen(quiet=True, verbose=True, stream=stream)).follow(events(30))
    assert stream.getvalue() == ""


def test_a_terminal_sees_a_table_and_a_bar(terminal) -> None:
    TrainingView(Screen(stream=terminal)).follow(events(30))
    shown = terminal.getvalue()
    for part in ("macro f1", "step 1/30", "left", "training over all rows", "\033["):
        assert part in shown


def test_a_phase_that_ended_early_leaves_no_bar_behind(terminal) -> None:
    def stream():
        yield PLAN
        yield StepDone("fit", 40, 100, 1.0)
        yield replace(epoch(1), last=True)
        shown.append(terminal.getvalue())
        yield END

    shown: list[str] = []
    TrainingView(Screen(stream=terminal)).follow(stream())
    assert shown[0].endswith("testing beside the baselines …\033[0m")
    assert "step 40/100" not in shown[0].rpartition("validation loss")[2]
    assert terminal.getvalue().endswith("\r\033[K")


def test_an_error_restores_the_terminal(terminal) -> None:
    def broken():
        yield PLAN
        yield StepDone("fit", 1, 2, 1.0)
        raise ValueError

    with pytest.raises(ValueError):
        TrainingView(Screen(stream=terminal)).follow(broken())
    assert terminal.getvalue().rstrip("\n").endswith("\033[?25h")


def test_the_best_epoch_stays_in_the_table() -> None:
    table = epoch_table([epoch(number, best=number == 2) for number in range(1, 31)])
    assert [row[0] for row in table.rows] == [2, *range(22, 31)]
    assert table.records()[0]["best"] == "best"
    assert table.records()[0]["macro f1"] == 0.5


def test_the_metric_that_decides_comes_first_and_is_not_said_twice() -> None:
    names = [column.name for column in epoch_table([epoch(1)]).columns]
    assert names == ["epoch", "macro f1", "validation loss", "train loss", "rate", "clipped", "best"]
    by_loss = EpochDone("fit", 1, 2, 0.6, {"loss": 0.7, "accuracy": 0.5}, 1e-3, 0.0, True, 1.0)
    assert epoch_line(by_loss) == "epoch 1/2 · validation loss 0.7000 · train loss 0.6000 · best so far"


def test_an_epoch_over_all_rows_has_no_validation_columns() -> None:
    names = [column.name for column in epoch_table([epoch(1, "refit")]).columns]
    assert names == ["epoch", "train loss", "rate", "clipped"]


def test_an_epoch_in_a_line() -> None:
    assert epoch_line(epoch(4, best=True)) == (
        "epoch 4/30 · validation macro f1 0.5000 · validation loss 0.7000 · train loss 0.6000 · best so far"
    )


def test_the_bar_tells_what_is_left() -> None:
    text = progress_text(StepDone("fit", 25, 100, 30.0), 80, plain=True).plain
    assert text.endswith(" 25% · step 25/100 · 1:30 left")
    assert text.startswith("##########---")
    assert len(text) <= 80


def test_a_screen_nobody_reads_never_fails() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    screen = Screen(stream=Gone())
    screen.line("x")
    TrainingView(screen).follow(events(3))
    assert Tolerant(Gone()).write("abc") == 3


def test_a_long_line_is_broken_between_words_on_a_terminal_only(terminal) -> None:
    text = "note: " + "word " * 30 + "end"
    Screen(stream=terminal).line(text)
    lines = terminal.getvalue().splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()) == text
    pipe = io.StringIO()
    Screen(stream=pipe).line(text)
    assert pipe.getvalue() == text + "\n"


def test_a_note_is_said_once() -> None:
    stream = io.StringIO()
    screen = Screen(stream=stream)
    for text in ("one", "two", "one"):
        screen.warn(text)
    assert stream.getvalue() == "note: one\nnote: two\n"


def test_no_colour_where_none_is_wanted(terminal, monkeypatch) -> None:
    assert "\033[" in Screen(stream=terminal).styled("x", "bold")
    monkeypatch.setenv("NO_COLOR", "1")
    assert Screen(stream=terminal).styled("x", "bold") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen(stream=terminal)
    assert screen.styled("x", "bold") == "x"
    assert not screen.live


def test_a_long_line_is_broken_and_keeps_the_empty_line_above_it(terminal) -> None:
    Screen(stream=terminal).line("\n$ " + "word " * 30)
    lines = terminal.getvalue().splitlines()
    assert lines[0] == ""
    assert lines[1].startswith("$ word")
    assert lines[2].startswith("  word")
    assert max(map(len, lines)) <= 80


def test_what_a_model_holds_steers_no_terminal(terminal) -> None:
    """A class or a column of a foreign model may hold anything; styles are the screen's own."""
    steering = "a\x1b]0;title\x07\x9b2Jb"
    screen = Screen(stream=terminal)
    screen.line(steering, "bold")
    screen.warn(steering)
    screen.pieces([(steering, "cyan"), ("|", "")])
    table = ResultTable(steering, (ResultColumn(steering),), [(steering,)], caption=steering)
    screen.show(drawn(table, 80, plain=False))
    said = terminal.getvalue()
    assert "\x1b]" not in said
    assert not {"\x07", "\x9b"} & set(said)
    assert said.count("]0;title") == 7


def test_line_breaks_of_a_message_stay_in_a_pipe() -> None:
    stream = io.StringIO()
    Screen(stream=stream).line("\nmodel: x.seqcli\n", "bold")
    assert stream.getvalue() == "\nmodel: x.seqcli\n\n"
