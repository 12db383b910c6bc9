"""Every task × every command on tiny data. What is refused on purpose is listed with its sentence."""

from __future__ import annotations

import csv
import io
import runpy
from pathlib import Path

import pytest

from seqcli.cli.main import COMMANDS, main

GOLDEN = Path(__file__).parent / "golden"
MADE = runpy.run_path(str(GOLDEN / "make.py"))
TINY = ("--hidden-size", "4", "--epochs", "1", "--threads", "1", "--seed", "2")

LINES = {
    "train": ("train", "FILE", *TINY, "OPTIONS"),
    "train --dry-run": ("train", "FILE", "--dry-run", *TINY, "OPTIONS"),
    "train --resume": ("train", "FILE", "--resume", *TINY, "OPTIONS"),
    "forecast": ("forecast", "FILE", *TINY, "OPTIONS"),
    "forecast --dry-run": ("forecast", "FILE", "--dry-run", *TINY, "OPTIONS"),
    "forecast -m": ("forecast", "FILE", "-m", "MODEL"),
    "predict -m": ("predict", "FILE", "-m", "MODEL"),
    "evaluate -m": ("evaluate", "FILE", "-m", "MODEL"),
    "show": ("show", "MODEL"),
    "show --equations": ("show", "--equations", "-m", "MODEL"),
}
"""Name → what is typed; the upper-case words are put in for each task."""

WRITES = {"train", "forecast"}
"""Lines that leave a model directory behind; no other writes anything."""

COLUMNS = {
    "train": {"classify": "accuracy", "regress": "mae", "forecast": "mase"},
    "train --dry-run": dict.fromkeys(("classify", "regress", "forecast"), "plan"),
    "forecast": {"forecast": "hi80"},
    "forecast --dry-run": {"forecast": "plan"},
    "forecast -m": {"forecast": "hi80"},
    "predict -m": {"classify": "probability", "regress": "prediction"},
    "evaluate -m": {"classify": "macro_f1", "regress": "rmse", "forecast": "smape"},
    "show": dict.fromkeys(("classify", "regress", "forecast"), "value"),
}
"""Line → task → a column of what it prints."""

NO_FORECAST = "this model predicts rows, it does not forecast"
NOTHING_LEFT = "there is no interrupted training to go on with"
REFUSED = {
    ("train --resume", "classify"): NOTHING_LEFT,
    ("train --resume", "regress"): NOTHING_LEFT,
    ("train --resume", "forecast"): NOTHING_LEFT,
    ("forecast -m", "classify"): NO_FORECAST,
    ("forecast -m", "regress"): NO_FORECAST,
    ("predict -m", "forecast"): "this model forecasts, it does not predict rows",
}
"""(Line, task) → the sentence of the refusal."""


def test_every_command_has_a_line() -> None:
    """The tour reads no file of the user's, and has tests of its own."""
    assert {words[0] for words in LINES.values()} == set(COMMANDS) - {"demo"}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("name", sorted(MADE["GOLDEN"]))
def test_every_task_meets_every_command(
    name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden, task = MADE["GOLDEN"][name], name.partition("_")[0]
    if line in ("forecast", "forecast --dry-run") and task != "forecast":
        pytest.skip("options of another task are a usage error")
    monkeypatch.chdir(tmp_path)
    MADE["write_rows"](Path("data.csv"), golden.header, golden.rows())
    puts = {"FILE": ("data.csv",), "MODEL": (str(GOLDEN / f"{name}.seqcli"),), "OPTIONS": golden.options}
    code = main([word for words in LINES[line] for word in puts.get(words, (words,))])
    out, err = capsys.readouterr()
    written = sorted(path.name for path in tmp_path.iterdir() if path.name != "data.csv")
    if (line, task) in REFUSED:
        assert (code, out, written) == (2, "", [])
        assert REFUSED[line, task] in err.splitlines()[0]
        return
    assert code == 0, err
    assert written == (["data.seqcli"] if line in WRITES else [])
    if line == "show --equations":
        assert "h_t" in out
    else:
        rows = list(csv.DictReader(io.StringIO(out)))
        assert rows
        assert rows[0][COLUMNS[line][task]]
