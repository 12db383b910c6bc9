"""The worst mistakes of taggers and translators are those that their own answers show."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from seqcli.cli.main import main
from seqcli.inference.evaluate import evaluate
from seqcli.model_dir import read_model
from seqcli.options import ReadingOptions
from seqcli.readers.read import read_table
from seqcli.tasks.speech.metrics import edits

GOLDEN = Path(__file__).parents[1] / "golden"


def worst(name: str, suffix: str):
    table = read_table([str(GOLDEN / f"{name}{suffix}")], ReadingOptions())
    return evaluate(read_model(GOLDEN / f"{name}.seqcli"), table)[-1]


def test_words_with_wrong_tags_are_listed_the_surest_first(capsys) -> None:
    file, model = GOLDEN / "tag_spans.conll", GOLDEN / "tag_spans.seqcli"
    found = worst("tag_spans", ".conll")
    assert found.title == "Worst mistakes"
    assert main(["predict", str(file), "-m", str(model), "--format", "conll"]) == 0
    said = [line.split("\t") for line in capsys.readouterr().out.splitlines() if line]
    true = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line]
    wrong = [(word, tag, tags[-1]) for (word, tag), tags in zip(true, said, strict=True) if tag != tags[-1]]
    assert 0 < len(wrong) <= 10
    assert sorted(tuple(row[1:4]) for row in found.rows) == sorted(wrong)
    sure = [row[4] for row in found.rows]
    assert sure == sorted(sure, reverse=True)
    lines = file.read_text(encoding="utf-8").splitlines()
    for row in found.rows:
        sentence = "\n".join(lines[int(row[0]) - 1 :]).split("\n\n")[0]
        words = [line.split("\t")[0] for line in sentence.splitlines()]
        assert row[1] in str(row[5]).split()
        assert str(row[5]) in " ".join(words)


@pytest.mark.parametrize(("name", "cut"), [("translate_characters", list), ("translate_pieces", str.split)])
def test_wrong_texts_are_listed_the_most_errors_for_their_length_first(name: str, cut, capsys) -> None:
    found = worst(name, ".csv")
    assert main(["predict", str(GOLDEN / f"{name}.csv"), "-m", str(GOLDEN / f"{name}.seqcli")]) == 0
    rows = [list(row.values()) for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    counted = []
    for place, (source, target, said) in enumerate(rows, start=2):
        errors = edits(cut(target), cut(said))
        counted.append((-errors / len(cut(target)), place, errors, source, target, said))
    wanted = [row[1:] for row in sorted(counted) if row[2]][:10]
    assert [tuple(row) for row in found.rows] == wanted
