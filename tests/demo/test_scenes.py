"""What the tour redraws on a terminal: every frame fits and shows one step more, a pipe sees nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from seqcli.cli.main import main
from seqcli.demo import scenes
from seqcli.demo.tour import SECTIONS
from seqcli.reporting.screen import Screen

ROWS = [f"{'abc'[at % 3] * 3} was {at} times there and back again,{'xyz'[at % 3]}" for at in range(60)]


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a tiny model of each kind that the scenes read."""
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "names.csv").write_text("name,label\n" + "\n".join(ROWS) + "\n")
    for cell, level, (model, _) in (("rnn", "characters", scenes.UNROLLED), ("lstm", "words", scenes.GATES)):
        small = ["--epochs", "1", "--hidden-size", "5", "--no-bidirectional", "--threads", "1", "-q"]
        saved = ["--save", str(folder / model)]
        assert (
            main(["train", str(folder / "names.csv"), "--cell", cell, "--level", level, *small, *saved]) == 0
        )
    return folder


def frames_of(name: str, width: int, plain: bool) -> list[list[str]]:
    draw, _ = scenes.SCENES[name]
    return [["".join(text for text, _ in line) for line in frame] for frame in draw(width, plain)]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", scenes.SCENES)
def test_frames_fit_a_small_terminal_and_grow(name, plain, place, monkeypatch) -> None:
    monkeypatch.chdir(place)
    frames = frames_of(name, 80, plain)
    assert len(frames) > 4
    assert max(len(line) for frame in frames for line in frame) <= 80
    assert max(map(len, frames)) <= 24
    assert not plain or all(line.isascii() for frame in frames for line in frame)
    titles = [frame[0] for frame in frames]
    assert len(set(titles)) == len(titles)


def test_the_unrolled_network_has_a_box_for_each_letter_and_the_states_of_the_trace(
    place, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(place)
    frames = frames_of("unrolled", 80, plain=True)
    name = scenes.UNROLLED[1]
    assert [frame[2].count("RNN") for frame in frames] == list(range(1, len(name) + 1))
    assert frames[-1][4].split() == list(name)
    capsys.readouterr()
    assert main(["show", "-m", scenes.UNROLLED[0], "--trace", name, "--format", "csv"]) == 0
    rows = [row.split(",") for row in capsys.readouterr().out.splitlines()[1:]]
    states = {(int(row[0]), int(row[4])): float(row[6]) for row in rows if row[5] == "h"}
    for unit, line in enumerate(frames[-1][-5:], start=1):
        shown = [float(cell) for cell in line.split()[2:]]
        assert shown == pytest.approx([states[step, unit] for step in range(1, len(name) + 1)], abs=0.006)


def test_what_fades_is_the_power_of_its_factor() -> None:
    last = frames_of("fading", 80, plain=False)[-1][-1]
    assert last == f"1.1^60 = {1.1**60:.3g}, 1^60 = 1, 0.9^60 = {0.9**60:.3g}"


def test_a_scene_stands_on_a_terminal_and_not_in_a_pipe(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    seen, piped, paused = Terminal(), io.StringIO(), []
    scenes.play("fading", Screen(stream=seen), paused.append)
    assert len(paused) == scenes.BACK // 2 + 1
    assert "0.9^60" in seen.getvalue()
    scenes.play("fading", Screen(stream=piped), paused.append)
    assert piped.getvalue() == ""
    assert len(paused) == scenes.BACK // 2 + 1


def test_sections_name_scenes_that_there_are_and_make_what_those_read() -> None:
    named = {section.scene: section for section in SECTIONS if section.scene}
    assert set(named) == set(scenes.SCENES)
    for name, (model, text) in (("unrolled", scenes.UNROLLED), ("gates", scenes.GATES)):
        train, show = named[name].commands
        assert f"--save {model}" in train
        assert f"-m {model}" in show
        assert text in show
