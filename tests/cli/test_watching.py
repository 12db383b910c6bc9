"""``forecast --follow`` and ``--flag-anomalies`` as they are typed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_lines import rows_of, run

MODEL = ("-m", "prices.seqcli")
FOLLOW = ("forecast", "-", *MODEL, "--follow")


def type_in(monkeypatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))


@pytest.fixture
def prices(here) -> list[str]:
    """The header of prices.csv and its 240 rows."""
    return Path("prices.csv").read_text(encoding="utf-8").splitlines(keepends=True)


def test_each_row_gives_the_forecast_of_the_file_that_ends_there(prices, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "".join(prices[:31]))
    code, out, err = run(capsys, *FOLLOW)
    assert code == 0
    assert "the model reads a window of 14 rows: forecasts begin with row 14" in err
    found = rows_of(out)
    assert [*found[0]] == ["origin", "timestamp", "forecast", "lo80", "hi80", "lo95", "hi95"]
    assert len(found) == (30 - 14 + 1) * 7
    for rows in (14, 22, 30):
        type_in(monkeypatch, "".join(prices[: rows + 1]))
        whole = rows_of(run(capsys, "forecast", "-", *MODEL, "-q")[1])
        origin = prices[rows].split(",")[0]
        ours = [row for row in rows_of(out) if row.pop("origin") == origin]
        assert ours == whole


def test_without_the_flag_a_pipe_is_read_to_its_end(prices, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "".join(prices))
    code, out, _ = run(capsys, "forecast", "-", *MODEL)
    assert code == 0
    assert "origin" not in out
    assert len(rows_of(out)) == 7


def test_other_forms_and_intervals(prices, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "".join(prices[:16]))
    out = run(capsys, *FOLLOW, "--format", "jsonl", "--interval", "50")[1]
    records = [json.loads(line) for line in out.splitlines()]
    assert [*records[0]] == ["origin", "timestamp", "forecast", "lo50", "hi50"]
    assert len(records) == 2 * 7
    type_in(monkeypatch, "".join(prices[:16]))
    out = run(capsys, *FOLLOW, "--format", "table", "-q")[1]
    assert [line.split()[:2] for line in out.splitlines()[2:]] == [
        ["2023-01-15", "2023-01-16"],
        ["2023-01-16", "2023-01-17"],
    ]
    assert "lo80" in out.splitlines()[0]


def test_an_odd_row_is_named_and_the_end_says_so(prices, capsys, monkeypatch) -> None:
    rows = [*prices[:20], "2023-01-02,5\n", "someday,5\n", "2023-01-21,none at all\n", *prices[20:22]]
    type_in(monkeypatch, "".join(rows))
    code, out, err = run(capsys, *FOLLOW)
    assert code == 3
    assert "note: stdin, row 21, column date: not after 2023-01-20, the last row; skipped" in err
    assert 'note: stdin, row 22, column date: "someday" is not a date; skipped' in err
    assert 'note: stdin, row 23, column close: "none at all" is not a number; skipped' in err
    assert err.splitlines()[-2] == "stdin: 3 of 24 rows were skipped"
    assert rows_of(out)[-1]["origin"] == prices[21].split(",")[0]


def test_more_than_ten_odd_rows_are_counted(prices, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "".join([*prices[:20], *["2023-01-02,5\n"] * 14]))
    code, _, err = run(capsys, *FOLLOW)
    assert code == 3
    assert err.count("not after") == 10
    assert "stdin: 4 more rows like these" in err


def test_too_few_rows(prices, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "".join(prices[:6]))
    code, out, err = run(capsys, *FOLLOW)
    assert (code, rows_of(out)) == (3, [])
    assert err.splitlines()[-2] == "stdin: 5 rows, and the model reads a window of 14"


def test_tail_without_the_header(prices, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "".join(prices[-10:]))
    code, _, err = run(capsys, *FOLLOW)
    assert code == 3
    assert "tail -n +1 -f FILE" in err.splitlines()[-1]
    type_in(monkeypatch, "".join(prices).replace("date,close", "Date,close"))
    assert run(capsys, *FOLLOW)[2].splitlines()[-1] == "hint: 'Date' → 'date'?"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("forecast", "prices.csv", *MODEL, "--follow"), "reads what a pipe sends, not prices.csv"),
        ((*FOLLOW, "-o", "next.csv"), "--follow has no end"),
        ((*FOLLOW, "--epochs", "3"), "--epochs shapes a training, and the model of --follow"),
        ((*FOLLOW, "--force"), "--force shapes a training"),
        (("forecast", "prices.csv", "--flag-anomalies", "--window", "9"), "--window shapes a training"),
        ((*FOLLOW, "--dry-run"), "--dry-run plans a training"),
        ((*FOLLOW, "--plot", "next.svg"), "--plot draws the rows to come, and --follow"),
        (("forecast", "prices.csv", *MODEL, "--flag-anomalies", "--plot", "x.svg"), "--plot draws the rows"),
        (("forecast", *MODEL, "--flag-anomalies"), "forecast needs a file"),
        (("forecast", "prices.csv", "-m", "reviews.seqcli", "--flag-anomalies"), "does not forecast"),
        (("forecast", "-", "-m", "reviews.seqcli", "--follow"), "does not forecast"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(here, capsys, argv, message) -> None:
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-2]
    assert err.splitlines()[-1].startswith("hint: ")
    assert not Path("next.csv").exists()


def test_rows_of_a_file_beside_what_was_forecast(prices, capsys) -> None:
    spoilt = [*prices[:100], prices[100].split(",")[0] + ",500\n", *prices[101:]]
    Path("new.csv").write_text("".join(spoilt), encoding="utf-8")
    code, out, err = run(capsys, "forecast", "new.csv", *MODEL, "--flag-anomalies")
    assert code == 0
    found = rows_of(out)
    assert [*found[0]] == ["timestamp", "actual", "forecast", "lo95", "hi95", "score", "anomaly"]
    assert [row["timestamp"] for row in found] == [line.split(",")[0] for line in spoilt[15:]]
    spike = next(row for row in found if row["timestamp"] == prices[100].split(",")[0])
    assert (spike["actual"], spike["anomaly"]) == ("500.0", "true")
    assert float(spike["score"]) > 10
    flagged = sum(row["anomaly"] == "true" for row in found)
    share = f"{100 * flagged / 226:.1f} %; 5 % expected where nothing is odd"
    assert err.splitlines()[-1] == f"flagged {flagged} of 226 rows ({share})"
    assert "226 of these 226 rows are no newer than those that the " in err
    assert run(capsys, "forecast", "new.csv", *MODEL, "--flag-anomalies", "-o", "odd.csv")[:2] == (0, "")
    assert Path("odd.csv").read_text(encoding="utf-8") == out


def test_rows_of_a_pipe_beside_what_was_forecast(prices, capsys, monkeypatch) -> None:
    _, whole, said = run(capsys, "forecast", "prices.csv", *MODEL, "--flag-anomalies", "--interval", "80")
    type_in(monkeypatch, "".join(prices))
    code, out, err = run(capsys, *FOLLOW, "--flag-anomalies", "--interval", "80")
    assert code == 0
    assert out == whole
    assert err.splitlines()[-1] == said.splitlines()[-1]
    assert "20 % expected" in err


def started(here, *extra):
    return subprocess.Popen(
        [sys.executable, "-m", "seqcli", *FOLLOW, "-q", "--format", "jsonl", *extra],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here,
    )  # fmt: skip


def lines_of(process, count: int) -> list[dict]:
    """The next lines, each within a minute."""
    text = b""
    while text.count(b"\n") < count:
        assert select.select([process.stdout], [], [], 60)[0], text
        piece = os.read(process.stdout.fileno(), 1 << 16)
        assert piece, process.stderr.read()
        text += piece
    return [json.loads(line) for line in text.splitlines()]


def test_a_pipe_that_stays_open_is_answered_row_by_row_until_ctrl_c(prices, here) -> None:
    running = started(here)
    running.stdin.write("".join(prices[:15]).encode())
    running.stdin.flush()
    assert {line["origin"] for line in lines_of(running, 7)} == {"2023-01-15"}
    for row in (15, 16):
        running.stdin.write(prices[row].encode())
        running.stdin.flush()
        assert {line["origin"] for line in lines_of(running, 7)} == {prices[row].split(",")[0]}
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, b"", b"interrupted\n")


def test_a_reader_that_has_gone_ends_it_in_silence(prices, here) -> None:
    running = started(here)
    running.stdin.write("".join(prices[:15]).encode())
    running.stdin.flush()
    lines_of(running, 7)
    running.stdout.close()
    for row in prices[15:]:
        if running.poll() is not None:
            break
        try:
            running.stdin.write(row.encode())
            running.stdin.flush()
        except BrokenPipeError:
            break
        time.sleep(0.01)
    assert running.wait(60) == 141
    assert running.stderr.read() == b""
    running.stderr.close()
    with contextlib.suppress(BrokenPipeError):
        running.stdin.close()
