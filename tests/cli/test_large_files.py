"""Files too long to be held or scored whole, with the sizes at which that begins made small."""

import math
from pathlib import Path

import pytest
from command_lines import rows_of, run

from seqcli import large
from seqcli.tasks.forecasting import choices

LENGTH = ("--horizon", "3", "--window", "8", "--steps", "4", "--seed", "1")


def hours(store: str, count: int) -> list[tuple[str, str, str]]:
    """Hourly sales of one store, the hour 11 left out."""
    return [
        (store, f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00", f"{20 + 5 * math.sin(hour / 4):.2f}")
        for hour in range(count)
        if hour != 11
    ]


@pytest.fixture
def sales(tmp_path: Path, write_csv) -> Path:
    return write_csv(tmp_path / "sales.csv", ("store", "time", "sales"), [*hours("a", 120), *hours("b", 100)])


def test_arrays_in_files_change_no_byte_of_a_forecast(capsys, sales: Path, monkeypatch) -> None:
    code, wanted, _ = run(capsys, "forecast", str(sales), *LENGTH, "--save", str(sales.parent / "one"))
    assert code == 0
    assert len(rows_of(wanted)) == 6
    monkeypatch.setattr(large, "LARGE", 1)
    code, found, _ = run(capsys, "forecast", str(sales), *LENGTH, "--save", str(sales.parent / "two"))
    assert (code, found) == (0, wanted)
    one, two = ((sales.parent / name / "weights.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_long_test_part_is_thinned_and_caption_and_note_say_so(capsys, sales: Path, monkeypatch) -> None:
    monkeypatch.setattr(choices, "MOST_TESTED", 10)
    monkeypatch.setattr(choices, "MOST_TEST_NUMBERS", 1000)
    # From hour 96 on 24 rows of one store and 4 of the other, each with two windows more that end behind.
    model = str(sales.parent / "model")
    code, _, said = run(capsys, "forecast", str(sales), *LENGTH, "--no-refit", "--save", model)
    assert code == 0
    assert "scored on 10 of 32 windows" in " ".join(said.split("Backtest of")[1].split())
    assert "note: scored on 10 of 32 windows, evenly spread over the part\n" in said
    code, table, said = run(capsys, "evaluate", str(sales), "-m", model, "--format", "table")
    assert code == 0
    assert "scored on 10 of 32 windows" in " ".join(table.split())
    assert "note: scored on 10 of 32 windows, evenly spread over the part\n" in said
    code, watched, _ = run(capsys, "forecast", str(sales), "-m", model, "--flag-anomalies")
    assert code == 0
    assert len(rows_of(watched)) == 220 - 2 - 2 * 8  # every row behind a first window
