"""MIDI files: byte by byte, against what was written, and against whatever bytes there may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.errors import DataError
from seqcli.readers.midi import read_midi
from seqcli.readers.score import Note, Part, Score, in_order
from seqcli.reporting.midi_file import midi_bytes
from tests.midi_pieces import scores, tune


def file_of(*tracks: bytes, form: int = 1, division: bytes = b"\x00\x60") -> bytes:
    head = b"MThd\x00\x00\x00\x06" + form.to_bytes(2, "big") + len(tracks).to_bytes(2, "big") + division
    return head + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


END = b"\x00\xff\x2f\x00"
A_NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"


def test_a_note_has_a_start_a_length_a_pitch_and_a_velocity() -> None:
    score = read_midi(file_of(A_NOTE + END), "a.mid")
    assert score == Score(96, (Part(0),), (Note(0, 0, 60, 96, 64),))


def test_running_status_and_note_on_with_velocity_0() -> None:
    track = b"\x00\x90\x3c\x40" + b"\x30\x3c\x00" + b"\x00\x3e\x41" + b"\x30\x3e\x00" + END
    assert read_midi(file_of(track), "a.mid").notes == (Note(0, 0, 60, 48, 64), Note(48, 0, 62, 48, 65))


def test_tempo_meter_and_key_are_read_and_other_events_passed_over() -> None:
    track = (
        b"\x00\xff\x51\x03\x07\xa1\x20" + b"\x00\xff\x58\x04\x06\x03\x18\x08" + b"\x00\xff\x59\x02\xfd\x01"
        b"\x00\xff\x03\x03abc" + b"\x00\xf0\x03\x01\x02\xf7" + b"\x00\xe0\x00\x40" + A_NOTE + END
    )  # fmt: skip
    score = read_midi(file_of(track), "a.mid")
    assert score.tempos == ((0, 500_000),)
    assert score.meters == ((0, 6, 8),)
    assert score.keys == ((0, -3, True),)
    assert len(score.notes) == 1


def test_channel_ten_is_drums_and_a_program_makes_a_part() -> None:
    track = b"\x00\xc0\x28" + A_NOTE + b"\x00\x99\x24\x50\x10\x89\x24\x00" + b"\x00\xc0\x05" + A_NOTE + END
    assert read_midi(file_of(track, form=0), "a.mid").parts == (Part(40), Part(0, True), Part(5))


def test_patterns_of_format_2_follow_one_another() -> None:
    starts = [note.start for note in read_midi(file_of(A_NOTE + END, A_NOTE + END, form=2), "a.mid").notes]
    assert starts == [0, 96]
    together = read_midi(file_of(A_NOTE + END, A_NOTE + END, form=1), "a.mid")
    assert [note.start for note in together.notes] == [0, 0]


def test_seconds_instead_of_beats() -> None:
    score = read_midi(file_of(A_NOTE + END, division=b"\xe7\x28"), "a.mid")  # 25 frames of 40 ticks
    assert (score.division, score.tempos) == (1000, ((0, 1_000_000),))


def test_a_note_that_never_ends_lasts_as_long_as_its_track() -> None:
    notes = read_midi(file_of(b"\x00\x90\x3c\x40\x00\x90\x3e\x40\x60\x80\x3e\x00" + END), "a.mid").notes
    assert notes == (Note(0, 0, 60, 96, 64), Note(0, 0, 62, 96, 64))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "byte 0: no MIDI file begins like this"),
        (b"RIFF" + bytes(30), "byte 0: no MIDI file begins like this"),
        (b"MThd\x00\x00\x00\x06\x00", "byte 9: the header ends too early"),
        (file_of(form=3), "byte 8: format 3 is none of 0, 1 and 2"),
        (file_of(A_NOTE + END, division=b"\x00\x00"), "byte 12: a quarter note of 0 ticks"),
        (file_of(A_NOTE + END)[:-2], "byte 18: a track of 12 bytes, and the file ends before"),
        (file_of(b"\x00\x3c\x40"), "byte 23: data without an event ahead of it"),
        (file_of(b"\x00\x90\x3c"), "byte 25: the track ends within an event"),
        (file_of(b"\x00\x90\x3c\x90\x00"), "byte 25: an event's data are above 127"),
        (file_of(b"\xff\xff\xff\xff\x00"), "byte 22: a number of more than four bytes"),
        (file_of(b"\x00\xff\x01\x7fabc"), "byte 24: an event of 127 bytes, and the track ends before"),
        (file_of(b"\x00\xf2\x00\x00"), "byte 23: event F2 has no place in a file"),
        (file_of(b"\xff\xff\xff\x7f" + A_NOTE[1:] + END), "byte 14: the track lasts over 40,000 quarters"),
        (file_of(), "byte 14: the file has no track"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_the_byte(content: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_midi(content, "broken.mid")
    assert caught.value.message == f"broken.mid, {said}"
    assert caught.value.hint


@given(scores())
def test_what_is_written_is_read_again(score: Score) -> None:
    read = read_midi(midi_bytes(score), "a.mid")
    assert {(*note[:1], score.parts[note.part], *note[2:]) for note in score.notes} == {
        (*note[:1], read.parts[note.part], *note[2:]) for note in read.notes
    }
    assert (read.division, read.tempos, read.meters) == (score.division, score.tempos, score.meters)


def music_or_error(content: bytes) -> Score | str:
    """The score of a file, or the message of an error that names a byte."""
    try:
        return read_midi(content, "a.mid")
    except DataError as error:
        if not error.message.startswith("a.mid, byte "):
            raise
        return error.message


@given(scores(), st.data())
def test_a_damaged_file_is_music_or_an_error(score: Score, data: st.DataObject) -> None:
    content = bytearray(midi_bytes(score))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    read = music_or_error(bytes(content[:cut]))
    assert isinstance(read, str) or Score.from_text(read.to_text()) == read


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_header_are_music_or_an_error(track: bytes) -> None:
    read = music_or_error(file_of(track))
    assert isinstance(read, str) or read.notes == in_order(read.notes)


def test_a_length_of_four_gigabytes_allocates_nothing() -> None:
    with pytest.raises(DataError, match="the file ends before"):
        read_midi(file_of(END)[:14] + b"MTrk\xff\xff\xff\xff" + A_NOTE, "a.mid")


def test_other_programs_read_the_same_notes(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    target = tmp_path / "a.mid"
    score = tune()
    target.write_bytes(midi_bytes(score))
    read = mido.MidiFile(target)
    begun = [message.note for track in read.tracks for message in track if message.type == "note_on"]
    assert sorted(begun) == sorted(note.pitch for note in score.notes)
    assert read.length == pytest.approx(16.0)


def test_symusic_reads_the_same_notes(tmp_path: Path) -> None:
    symusic = pytest.importorskip("symusic")
    target = tmp_path / "a.mid"
    score = tune()
    target.write_bytes(midi_bytes(score))
    read = symusic.Score(target)
    found = {
        (note.start, note.duration, note.pitch, note.velocity) for part in read.tracks for note in part.notes
    }
    assert found == {(note.start, note.length, note.pitch, note.velocity) for note in score.notes}


def test_the_text_of_a_score_is_read_again_and_other_text_is_not() -> None:
    score = tune(2)
    assert Score.from_text(score.to_text()) == score
    for bad in ("", "[]", "{}", score.to_text().replace("480", "-1"), score.to_text().replace("]]}", "]]")):
        with pytest.raises(DataError):
            Score.from_text(bad)
