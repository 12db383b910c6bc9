"""Folders of MIDI files, and which paths mean music."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqcli.errors import DataError
from seqcli.options import ReadingOptions
from seqcli.readers.music import SCORE, midi_files, read_pieces
from seqcli.readers.read import read_table
from seqcli.readers.score import Score
from seqcli.reporting.midi_file import midi_bytes
from tests.midi_pieces import tune


def folder_of(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number:03}.mid").write_bytes(midi_bytes(tune(2, 60 + number % 5, 40 + number % 80)))
    return folder


def test_a_folder_of_midi_files_is_a_table_of_pieces(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "tunes", 3)
    folder_of(folder / "more", 1)
    (folder / "README.txt").write_text("about", encoding="utf-8")
    (folder / ".hidden.mid").write_bytes(b"no music")
    table = read_table([str(folder)], ReadingOptions())
    assert (len(table), table.names, table.unit) == (4, (SCORE,), "piece")
    assert Score.from_text(table.cells(SCORE)[0]).notes == tune(2, 60, 40).notes
    assert table.notes == ("4 pieces of music",)
    assert table.where(1) == f"{folder / '001.mid'}, piece 1"


def test_the_digest_is_of_all_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "tunes", 3)
    before = read_table([str(folder)], ReadingOptions()).digest
    assert read_table([str(folder)], ReadingOptions()).digest == before
    (folder / "002.mid").write_bytes(midi_bytes(tune(3)))
    assert read_table([str(folder)], ReadingOptions()).digest != before


def test_a_folder_of_mostly_other_files_is_no_music(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mixed", 1)
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("words\n", encoding="utf-8")
    assert midi_files([str(folder)]) == []
    assert midi_files([str(folder / "000.mid"), str(folder / "a.txt")]) == []
    assert midi_files([str(folder / "000.mid")]) == [folder / "000.mid"]


def test_one_broken_file_of_a_hundred_is_left_out_and_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "tunes", 100)
    (folder / "017.mid").write_bytes(b"MThd")
    table = read_table([str(folder)], ReadingOptions())
    assert len(table) == 99
    assert table.warnings == (f"left out: {folder / '017.mid'}, byte 4: the header ends too early",)
    (folder / "018.mid").write_bytes(b"MThd")
    with pytest.raises(DataError, match=r"017\.mid, byte 4"):
        read_table([str(folder)], ReadingOptions())


def test_files_without_a_note_teach_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "tunes", 2)
    silent = midi_bytes(Score(480, (), ()))
    (folder / "silent.mid").write_bytes(silent)
    assert read_table([str(folder)], ReadingOptions()).warnings == ("1 file without a note left out",)
    with pytest.raises(DataError, match="no file holds a note"):
        read_pieces([folder / "silent.mid"], "silent.mid")


def test_a_missing_file_is_named_with_the_closest(tmp_path: Path) -> None:
    folder_of(tmp_path, 1)
    with pytest.raises(DataError, match="no such file") as caught:
        read_table([str(tmp_path / "00.mid")], ReadingOptions())
    assert "000.mid" in caught.value.hint
