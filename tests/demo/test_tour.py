"""Every section of the tour runs, and the written tour holds the same commands."""

import json
import re
from pathlib import Path

import pytest

from seqcli.cli.main import main
from seqcli.demo.tour import SECTIONS, Section

PAGE = Path(__file__).parents[2] / "docs" / "tour.md"


def order_is_learned(folder: Path) -> None:
    """Templates held out defeat n-grams and not the default network, which does not listen to them."""
    metrics = json.loads((folder / "order.seqcli" / "model.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["linear n-grams alone"]["accuracy"] <= 0.85
    assert metrics["gru alone"]["accuracy"] >= 0.95
    assert metrics["combined"]["accuracy"] >= 0.95


def names_are_found_that_were_never_met(folder: Path) -> None:
    metrics = json.loads((folder / "tagger.seqcli" / "model.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["most frequent tag of each word"]["f1"] <= 0.3
    assert metrics["gru"]["f1"] >= 0.95
    met = set((folder / "people.conll").read_text(encoding="utf-8").split())
    letters = (folder / "letters.txt").read_text(encoding="utf-8")
    assert {"Pyrak", "Koldsen", "Mimoto", "Selara", "Minu"} <= set(letters.replace(".", " ").split()) - met


def order_is_lost_without_memory(folder: Path) -> None:
    scores = compared(folder / "none.jsonl", "test")
    assert scores["none", False, None] <= 0.75
    assert min(scores["gru", False, None], scores["gru", True, None]) >= 0.95


def an_rnn_learns_order_from_fewer_rows(folder: Path) -> None:
    scores = compared(folder / "few.jsonl", "validation")
    assert scores["gru", False, 160] >= 0.95
    assert scores["gru", False, 160] > scores["transformer", False, 160]


def other_sequences_are_learned(folder: Path) -> None:
    names_are_found_that_were_never_met(folder)
    metrics = json.loads((folder / "dna.seqcli" / "model.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["linear part alone"]["accuracy"] < metrics["gru alone"]["accuracy"]
    assert metrics["gru alone"]["accuracy"] >= 0.85
    assert (folder / "tune.mid").stat().st_size > 100
    metrics = json.loads((folder / "days.seqcli" / "model.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["gru"]["exact"] >= 0.95
    metrics = json.loads((folder / "speech.seqcli" / "model.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["gru"]["cer"] <= 0.1


def compared(log: Path, part: str) -> dict[tuple[str, bool, int | None], float]:
    """Accuracy on a part by name, both ways, and training rows."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    scored = [line for line in lines if "entry" in line]
    return {(line["entry"][0], *line["entry"][2:]): line[part]["accuracy"] for line in scored}


CLAIMS = {
    1: order_is_learned,
    2: order_is_lost_without_memory,
    14: other_sequences_are_learned,
    15: an_rnn_learns_order_from_fewer_rows,
}
"""Section → whether what its text says came true."""


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: str(section.number))
def test_section_runs_and_is_written_down(
    section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("TERM", "dumb"), ("NO_COLOR", "1"), ("COLUMNS", "100")):  # as the page was made
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", str(section.number)]) == 0
    printed = "".join(capsys.readouterr())
    page = PAGE.read_text(encoding="utf-8")
    written = page.split(f"## {section.number}. {section.title}")[1].split("\n## ")[0]
    assert re.findall(r"^\$ (.*)$", written, re.M) == list(section.commands)
    for line in shape(written):
        assert line in shape(printed), line
    if section.number in CLAIMS:
        CLAIMS[section.number](tmp_path)


def shape(text: str) -> set[str]:
    """Lines that no machine's arithmetic changes: table heads, parameters, rules without numbers."""
    kept = re.findall(
        r"^(?:layer|predictor|forecast|steps ahead|class) .*$|^network: .*$|^total .*$", text, re.M
    )
    return {" ".join(line.split()) for line in kept}


def test_the_page_has_the_sections_of_the_tour_and_no_other() -> None:
    headings = re.findall(r"^## (\d+)\. (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert headings == [(str(section.number), section.title) for section in SECTIONS]


def test_each_of_the_sixteen_subjects_has_its_section() -> None:
    assert [section.number for section in SECTIONS] == list(range(1, 17))


def test_an_unknown_section_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "99"]) == 2
    assert "99" in capsys.readouterr().err
