"""The tables of an inspection, and what is on the screen in which place."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest

from seqcli.options import OutputOptions
from seqcli.reporting.gradient_numbers import NUMBERS, numbers_table
from seqcli.reporting.gradients import follow, panels, report, summary_table
from seqcli.reporting.screen import Screen
from seqcli.training.events import StepDone
from seqcli.training.gradients.curves import (
    Cause,
    Curve,
    Doing,
    Flow,
    Inspection,
    Read,
    Said,
    ShortTraining,
)

PLAIN, GATED = Cause(slope=0.9, radius=0.6, stretch=1.2), Cause("f", 0.7, 0.8, stretch=1.1)


def curve(rate: float, state: str = "h", layer: int = 1) -> Curve:
    return Curve(layer, state, np.stack([rate ** np.arange(21.0), 2 * rate ** np.arange(21.0)]))


def found(*flows: Flow, **more) -> Inspection:
    return Inspection(tuple(flows), 20, **more)


RNN = Flow("rnn", "torch", (curve(0.6),), (PLAIN,))
LSTM = Flow("lstm", "torch", (curve(0.5), curve(0.9, "c")), (GATED,))
TRAINED = Flow("lstm", "trained", (curve(0.95),), (GATED,), ShortTraining(9, 0.125))
BURST = Flow("rnn", "trained", diverged=3)
ALL = found(RNN, LSTM, TRAINED, BURST)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_every_number_is_a_row() -> None:
    table = numbers_table(ALL)
    assert tuple(column.name for column in table.columns) == NUMBERS
    records = [record for record in table.records() if record["quantity"] == "gradient"]
    assert len(records) == 21 * 4 + 1
    third = next(r for r in records if r["cell"] == "lstm" and r["part"] == "c" and r["k"] == 3)
    assert third["mean"] == pytest.approx(1.5 * 0.9**3)
    assert third["p10"] == pytest.approx(1.1 * 0.9**3)
    assert third["p90"] == pytest.approx(1.9 * 0.9**3)
    assert third["ratio"] == pytest.approx(0.9**3)
    assert records[-1] == {
        **dict.fromkeys(NUMBERS), "cell": "rnn", "stage": "trained", "quantity": "gradient", "mean": math.inf
    }  # fmt: skip


def test_the_table_has_a_row_a_state() -> None:
    table = summary_table(ALL)
    records = table.records()
    assert [column.name for column in table.columns] == [
        "cell", "stage", "state", "rate", "half-life", "memory", "at 20", "gate", "clipped"
    ]  # fmt: skip
    assert [(r["cell"], r["state"], r["memory"]) for r in records] == [
        ("rnn", "h", "10"),
        ("lstm", "h", "7"),
        ("lstm", "c", "> 20"),
        ("lstm", "h", "> 20"),
        ("rnn", "NaN", None),
    ]
    assert records[0]["gate"] is None
    assert records[2]["gate"] == 0.7
    assert records[3]["clipped"] == 0.125
    assert "own peak" in table.caption


def test_columns_that_say_nothing_are_left_out() -> None:
    alone = summary_table(found(RNN))
    assert [column.name for column in alone.columns][-1] == "at 20"
    assert "peak" not in alone.caption
    deep = Flow("rnn", "torch", (curve(0.6), curve(0.7, layer=2)), (PLAIN, PLAIN))
    both = summary_table(found(deep, BURST))
    assert [r["layer"] for r in both.records()] == [1, 2, None]
    assert all(len(row) == len(both.columns) for row in both.rows)


def test_panels_show_the_state_that_carries() -> None:
    first, second = panels(ALL)
    assert [line.name for line in first.lines] == ["rnn", "lstm"]
    assert first.lines[1].values[1] == pytest.approx(0.9)
    assert [line.name for line in second.lines] == ["lstm"]
    time = Flow("lstm", "time", (curve(0.5), curve(0.9, "c")), (GATED,))
    total = Flow("lstm", "total", (curve(0.99), curve(0.97, "c")), (GATED,))
    (one,) = panels(found(time, total, shortcuts=("mean pooling",)))
    assert [line.name for line in one.lines] == ["through time", "in total"]
    assert one.lines[1].values[1] == pytest.approx(0.97)
    assert panels(found(BURST)) == []


def test_on_a_terminal_the_table_is_the_result_and_the_chart_is_beside_it(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    report(Screen(stream=stream), ALL, OutputOptions(format="table"))
    out, screen = capsys.readouterr().out, stream.getvalue()
    assert "half-life" in out
    assert "●" not in out
    assert "● rnn" in screen
    assert "remembers longest" in screen
    assert "half-life" not in screen


def test_the_map_is_drawn_in_colour_where_all_is_asked_for(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for full in (True, False):
        stream = Terminal()
        report(Screen(stream=stream), ALL, OutputOptions(format="table"), full)
        assert ("powers of ten lost" in stream.getvalue()) is full
        assert ("\033[30;4" in stream.getvalue()) is full  # black on a bright background
    quiet = Terminal()
    report(Screen(quiet=True, stream=quiet), ALL, OutputOptions(format="table"), True)
    assert quiet.getvalue() == ""


def test_in_a_pipe_the_numbers_are_the_result(capsys) -> None:
    stream = io.StringIO()
    report(Screen(stream=stream), ALL, OutputOptions(format="csv"))
    assert capsys.readouterr().out.startswith("cell,stage,layer,part,quantity,k,mean")
    assert "half-life" in stream.getvalue()
    assert "●" not in stream.getvalue()
    assert "steps clipped: lstm 12 %" in stream.getvalue()


def test_quiet_leaves_the_numbers_alone(capsys) -> None:
    stream = Terminal()
    report(Screen(quiet=True, stream=stream), ALL, OutputOptions(format="json"))
    assert capsys.readouterr().out.startswith("[")
    assert stream.getvalue() == ""


def test_what_goes_on_is_one_line_that_goes_away() -> None:
    def events():
        yield Read("classify")
        yield Said("first")
        yield Said("odd", odd=True)
        yield Doing("training rnn")
        yield StepDone("fit", 3, 9, 0.1)
        return ALL

    stream, tasks = Terminal(), []
    assert follow(Screen(stream=stream), events(), tasks.append) is ALL
    assert tasks == ["classify"]
    text = stream.getvalue()
    assert "first\n" in text
    assert "note: odd" in text
    assert "training rnn, step 3 of 9" in text
    assert text.endswith("\r\033[K")
    piped = io.StringIO()
    follow(Screen(stream=piped), events())
    assert piped.getvalue() == "first\nnote: odd\n"


def test_segments_are_called_so_wherever_steps_would_be() -> None:
    def counted(rate, state="h"):
        return Curve(1, state, rate ** np.arange(21.0)[None], "segment")

    flows = [
        Flow("rnn", "trained", (counted(0.6),), (PLAIN,)),
        Flow("lstm", "trained", (counted(0.97),), (GATED,)),
        Flow("gru", "trained", (counted(1.3),), (GATED,)),
    ]
    some = found(*flows, segment=24)
    assert [column.name for column in numbers_table(some).columns][5] == "segments_back"
    assert {panel.unit for panel in panels(some)} == {"segment"}
    stream = Terminal()
    report(Screen(stream=stream), some, OutputOptions(format="csv", output="/dev/null"))
    text = stream.getvalue()
    assert "in segments of 24 steps" in text
    assert "segments back" in text
    assert "(segments: lstm about 151, rnn 10)" in " ".join(text.split())
    assert "1.30-fold a segment" in text
    for word in (" step", "steps:", "step;"):
        assert word not in text.replace("segments of 24 steps", "")
