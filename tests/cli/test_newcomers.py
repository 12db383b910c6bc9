"""What a newcomer types at pairs, clips and DNA that cannot be: each is answered by what to do."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from command_lines import run

from seqcli.demo.tones import spoken, write_wav

GOLDEN = Path(__file__).parents[1] / "golden"


def dna(letters: int = 40, seed: int = 0) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=letters))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *typed: str, code: int = 3) -> tuple[str, str]:
    found, out, err = run(capsys, *typed)
    assert (found, out) == (code, "")
    return tuple(err.splitlines()[-2:])  # type: ignore[return-value]


def planned(capsys, *typed: str) -> str:
    code, out, err = run(capsys, "train", *typed, "--dry-run", "--format", "json")
    assert code == 0, err
    return "\n".join(row["text"] for row in json.loads(out))


PAIRS = [
    (f"we saw the {a} and a {b}", f"{b} {a} the saw we") for a in ("cat", "dog", "sun") for b in "abcdefghij"
]


def test_pairs_without_a_header_are_said(capsys) -> None:
    Path("pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in PAIRS))
    assert "is taken for the names of the columns" in planned(capsys, "pairs.tsv")
    Path("pairs.csv").write_text("de,en\n" + "".join(f"{a},{b}\n" for a, b in PAIRS))
    assert "is taken for the names of the columns" not in planned(capsys, "pairs.csv")


def test_one_column_is_no_translation(capsys) -> None:
    Path("one.csv").write_text("source\n" + "".join(f"{a}\n" for a, _ in PAIRS))
    said, hint = refused(capsys, "train", "one.csv", "--task", "translate")
    assert said == (
        "one.csv: a translation needs a column to read and one to write, and only source holds something"
    )
    assert "--source a.de --target a.en" in hint


def test_columns_that_are_named_as_files_are_said(capsys) -> None:
    Path("pairs.csv").write_text("de,en\n" + "".join(f"{a},{b}\n" for a, b in PAIRS))
    said, hint = refused(capsys, "train", "pairs.csv", "--source", "de", "--target", "en", code=2)
    assert said == "--source names a file of texts, and there is no file de"
    assert hint == "hint: columns of pairs.csv are named by --features de --target en"


def test_a_sound_file_in_place_of_a_manifest(capsys) -> None:
    write_wav(Path("clips/a.wav"), spoken("a", 1))
    assert refused(capsys, "train", "clips/a.wav")[0] == "clips/a.wav: is a sound file, not a list of such"
    model = ("-m", str(GOLDEN / "transcribe.seqcli"))
    said, hint = refused(capsys, "predict", "clips", *model)
    assert said == "clips: is a directory"
    assert hint.startswith("hint: ls clips/*.wav | seqcli predict - ")


def test_clips_without_a_word_on_them(capsys) -> None:
    rows = []
    for number in range(4):
        write_wav(Path(f"clips/{number}.wav"), spoken("a", number))
        rows.append(f"clips/{number}.wav")
    Path("alone.csv").write_text("audio\n" + "\n".join(rows) + "\n")
    said, hint = refused(capsys, "train", "alone.csv")
    assert said.startswith("alone.csv: no column says what is said in the clips")
    assert hint == "hint: put it beside them, in a column called text or label"
    Path("blank.csv").write_text("audio,text\n" + "".join(f"{row},\n" for row in rows))
    assert refused(capsys, "train", "blank.csv")[1] == "hint: column text is empty"


def test_a_bad_letter_does_not_make_words_of_dna(capsys) -> None:
    rows = [[dna(seed=number), "ab"[number % 2]] for number in range(40)]
    rows[3][0] = rows[3][0][:7] + "!" + rows[3][0][8:]
    Path("sites.csv").write_text("bases,label\n" + "".join(f"{bases},{label}\n" for bases, label in rows))
    said, hint = refused(capsys, "train", "sites.csv", "--dry-run")
    assert said == "sites.csv, row 5, column bases: '!' is no base, where nearly all rows are DNA"
    assert "--level characters" in hint
    assert "columns: target label; from bases" in planned(capsys, "sites.csv", "--level", "characters")


def test_names_of_sequences_are_no_input(capsys) -> None:
    for place, name in enumerate(("pos.fa", "neg.fa")):
        text = "".join(f">s{number}\n{dna(seed=100 * place + number)}\n" for number in range(30))
        Path(name).write_text(text)
    said, hint = refused(capsys, "train", "pos.fa", "--dry-run")
    assert said == "pos.fa: nothing says which class each sequence is"
    assert "seqcli train pos.fa neg.fa" in hint
    assert "columns: target label; from sequence\n" in planned(capsys, "pos.fa", "neg.fa")


def test_a_translator_is_not_traced_and_what_is_instead_is_said(capsys) -> None:
    said, hint = refused(
        capsys, "show", "--trace", "a b", "-m", str(GOLDEN / "translate_pieces.seqcli"), code=2
    )
    assert "--trace follows one" in said
    assert "--align" in hint
