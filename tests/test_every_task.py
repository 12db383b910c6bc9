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
    "forecast": ("forecast", "FILE", *TINY),
    "forecast --dry-run": ("forecast", "FILE", "--dry-run", *TINY),
    "forecast -m": ("forecast", "FILE", "-m", "MODEL"),
    "predict -m": ("predict", "FILE", "-m", "MODEL"),
    "evaluate -m": ("evaluate", "FILE", "-m", "MODEL"),
    "show": ("show", "MODEL"),
    "show --equations": ("show", "--equations", "-m", "MODEL"),
}
"""Name → what is typed; the words in capitals are put in for each task."""

WRITES = {"train", "forecast"}
"""Lines that leave a model directory behind; no other writes anything."""

COLUMNS = {
    "train": {"classify": "accuracy", "regress": "mae", "forecast": "mase"},
    "train --dry-run": dict.fromkeys(("classify", "regress", "forecast"), "text"),
    "forecast": dict.fromkeys(("classify", "regress", "forecast"), "hi80"),
    "forecast --dry-run": dict.fromkeys(("classify", "regress", "forecast"), "text"),
    "forecast -m": {"forecast": "hi80"},
    "predict -m": {"classify": "probability", "regress": "prediction"},
    "evaluate -m": {"classify": "macro_f1", "regress": "rmse", "forecast": "smape"},
    "show": dict.fromkeys(("classify", "regress", "forecast"), "value"),
}
"""Line → task → a column of what it prints."""

USAGE, DATA = 2, 3
NO_FORECAST = (USAGE, "this model predicts rows, it does not forecast")
NOT_OVER_TIME = (DATA, "no rule says what to learn")
NOTHING_LEFT = (USAGE, "there is no interrupted training to go on with")
REFUSED = {
    **{("train --resume", name): NOTHING_LEFT for name in MADE["GOLDEN"]},
    **{("forecast -m", name): NO_FORECAST for name in MADE["GOLDEN"] if not name.startswith("forecast")},
    ("predict -m", "forecast_single"): (USAGE, "this model forecasts, it does not predict rows"),
    ("predict -m", "forecast_panel"): (USAGE, "this model forecasts, it does not predict rows"),
    ("forecast", "classify_words"): NOT_OVER_TIME,
    ("forecast", "classify_characters"): NOT_OVER_TIME,
    ("forecast --dry-run", "classify_words"): NOT_OVER_TIME,
    ("forecast --dry-run", "classify_characters"): NOT_OVER_TIME,
}
"""(Line, golden model) → exit code and sentence of the refusal."""


def test_every_command_has_a_line() -> None:
    """The tour reads no file of the user's, and has tests of its own."""
    assert {words[0] for words in LINES.values()} == set(COMMANDS) - {"demo"}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("name", sorted(MADE["GOLDEN"]))
def test_every_task_meets_every_command(
    name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden, task = MADE["GOLDEN"][name], name.partition("_")[0]
    monkeypatch.chdir(tmp_path)
    MADE["write_rows"](Path("data.csv"), golden.header, golden.rows())
    puts = {"FILE": ("data.csv",), "MODEL": (str(GOLDEN / f"{name}.seqcli"),), "OPTIONS": golden.options}
    code = main([word for typed in LINES[line] for word in puts.get(typed, (typed,))])
    out, err = capsys.readouterr()
    written = sorted(path.name for path in tmp_path.iterdir() if path.name != "data.csv")
    if (line, name) in REFUSED:
        wanted, sentence = REFUSED[line, name]
        assert (code, out, written) == (wanted, "", [])
        assert sentence in err.splitlines()[-2]
        return
    assert code == 0, err
    assert written == (["data.seqcli"] if line in WRITES else [])
    if line == "show --equations":
        assert "h_t" in out
    else:
        first = next(csv.DictReader(io.StringIO(out)))
        assert first[COLUMNS[line][task]]
