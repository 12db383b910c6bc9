"""The gallery's page shows the pictures that there are, and every command on it can be typed."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path
from xml.dom.minidom import parse

import pytest

from seqcli.cli.main import COMMANDS
from seqcli.demo.gallery import CUTS, PICTURES, write_file
from seqcli.demo.samples import SAMPLES
from seqcli.reporting.plots import FORMS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "gallery.md").read_text(encoding="utf-8")
LINES = [line for picture in PICTURES for line in picture.commands]


def flags_of(command: str) -> set[str]:
    """Every flag that a command offers, ``--no-x`` of a switch among them."""
    module, name = COMMANDS[command][0].split(":")
    found = set()
    for _, item in getattr(import_module(module), name).options():
        flag = item.metadata.get("flag") or "--" + item.name.replace("_", "-")
        found |= {flag, "--" + item.name.replace("_", "-"), "--no-" + item.name.replace("_", "-")}
    return found


def test_the_page_holds_the_commands_and_the_pictures() -> None:
    assert re.findall(r"^\$ (.*)$", PAGE, re.M) == LINES
    assert re.findall(r"^## (.*)$", PAGE, re.M) == [picture.title for picture in PICTURES]
    named = re.findall(r"!\[.*?\]\(gallery/(.*?)\)", PAGE)
    assert named == [picture.plot for picture in PICTURES if picture.plot]
    assert sorted(named) == sorted(path.name for path in (DOCS / "gallery").iterdir())


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_has_the_options_that_it_is_typed_with(line) -> None:
    program, command, *words = shlex.split(line)
    assert program == "seqcli"
    typed = {word for word in words if word.startswith("-")}
    assert typed <= flags_of(command)


@pytest.mark.parametrize(
    "picture", [picture for picture in PICTURES if picture.plot], ids=lambda each: each.plot
)
def test_a_picture_is_small_and_names_nothing_outside_itself(picture) -> None:
    assert picture.commands[-1].endswith(f"--plot {picture.plot}")
    assert Path(picture.plot).suffix in FORMS
    drawn = DOCS / "gallery" / picture.plot
    assert 1000 < drawn.stat().st_size < 100_000
    root = parse(str(drawn)).documentElement
    assert root.tagName == "svg"
    text = drawn.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "nan" not in text.lower()


def test_files_that_are_read_are_made(tmp_path) -> None:
    made = {name for picture in PICTURES for name in picture.files}
    assert made <= {*SAMPLES, *CUTS}
    for name in CUTS:
        write_file(name, tmp_path)
    first, rest = ((tmp_path / name).read_text().splitlines() for name in ("motions.csv", "new.csv"))
    assert first[0] == rest[0]
    assert not {line.split(",")[0] for line in first[1:]} & {line.split(",")[0] for line in rest[1:]}
    whole = (tmp_path / "sensor.csv").read_text().splitlines()
    assert first + rest[1:] == whole
    assert (tmp_path / "begin.txt").read_text() + (tmp_path / "end.txt").read_text() == (
        tmp_path / "corpus.txt"
    ).read_text()
