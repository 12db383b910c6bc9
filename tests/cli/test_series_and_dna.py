"""Series and DNA from the file to the answer, by the commands that a person types."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import numpy as np
import pytest

from seqcli.cli.main import main
from seqcli.inference.genome import starts

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = ("--hidden-size", "8", "--epochs", "2", "--threads", "1", "--seed", "1")
SITES, SERIES = str(GOLDEN / "classify_bases.seqcli"), str(GOLDEN / "classify_series.seqcli")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> tuple[list[dict[str, str]], str]:
    """The rows that a command prints, and what it says beside them."""
    capsys.readouterr()
    found = main(list(argv))
    out, err = capsys.readouterr()
    assert found == code, err
    return list(csv.DictReader(io.StringIO(out))), err


def bases(count: int, rng: random.Random, middle: str = "") -> str:
    made = [rng.choice("ACGT") for _ in range(count)]
    if middle:
        made[count // 2 : count // 2 + len(middle)] = middle
    return "".join(made)


def write_fasta(path: str, rows: list[str]) -> None:
    Path(path).write_text("".join(f">s{n}\n{row[:15]}\n{row[15:]}\n" for n, row in enumerate(rows)))


def test_the_name_of_a_fasta_file_is_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(2)
    write_fasta("pos.fa", [bases(30, rng, "GTAAG") for _ in range(60)])
    write_fasta("neg.fa", [bases(30, rng, "CCACC") for _ in range(60)])
    rows, err = run(capsys, "train", "pos.fa", "neg.fa", "--save", "m", "--reverse-complement", *TINY)
    assert rows[0]["predictor"] == "combined"
    assert set(rows[0]) >= {"accuracy", "mcc", "auroc", "auprc"}
    linear = next(row for row in rows if row["predictor"] == "linear part alone")
    assert float(linear["accuracy"]) > 0.9
    assert "sequence read as DNA: shares of A, C, G, T at each base" in err
    write_fasta("new.fa", [bases(30, rng, "GTAAG"), bases(30, rng, "CCACC")])
    answers, _ = run(capsys, "predict", "new.fa", "-m", "m")
    assert [row["prediction"] for row in answers] == ["pos", "neg"]
    assert [row["id"] for row in answers] == ["s0", "s1"]


def test_both_strands_of_a_sequence_get_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    from seqcli.preprocessing.dna import reverse_complement

    rng = random.Random(3)
    texts = [bases(24, rng) for _ in range(5)]
    Path("a.csv").write_text("sequence\n" + "\n".join(texts) + "\n")
    Path("b.csv").write_text(
        "sequence\n" + "\n".join(f"  {reverse_complement(t).lower()}" for t in texts) + "\n"
    )
    one, other = (
        [
            float(row["probability_site"])
            for row in run(capsys, "predict", f, "-m", SITES, "--probabilities")[0]
        ]
        for f in ("a.csv", "b.csv")
    )
    assert one == pytest.approx(other, abs=1e-5)


def test_a_letter_that_is_no_base_is_named_with_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("sequence\nACGTACGTACGTACGTACGTACGT\nACGTXACGTACGTACGTACGTACG\n")
    rows, err = run(capsys, "predict", "a.csv", "-m", SITES, code=3)
    assert [bool(row["prediction"]) for row in rows] == [True, False]
    assert "a.csv, row 3, column sequence: 'X' is no base" in err
    rng = random.Random(4)
    lines = [f"{bases(24, rng)},{'ab'[n % 2]}" for n in range(40)]
    Path("t.csv").write_text("sequence,label\n" + "\n".join(["ACGTEEEEACGTACGTACGTAC,a", *lines]) + "\n")
    _, err = run(capsys, "train", "t.csv", "--level", "dna", "--save", "m", *TINY, code=3)
    assert "'E' is no base" in err


def test_a_long_sequence_is_read_in_windows_that_leave_no_base_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = random.Random(5)
    genome = bases(61, rng)
    Path("g.csv").write_text(f"name,sequence\nchr1,{genome}\nshort,{genome[:24]}\n")
    rows, _ = run(capsys, "predict", "g.csv", "-m", SITES, "--windows", "15", "--probabilities")
    assert [(row["start"], row["end"]) for row in rows] == [
        ("1", "24"),
        ("16", "39"),
        ("31", "54"),
        ("38", "61"),
        ("1", "24"),
    ]
    assert rows[1]["sequence"] == genome[15:39]
    Path("w.csv").write_text("sequence\n" + "\n".join(row["sequence"] for row in rows) + "\n")
    plain, _ = run(capsys, "predict", "w.csv", "-m", SITES, "--probabilities")
    assert [row["probability_site"] for row in plain] == [row["probability_site"] for row in rows]
    _, err = run(capsys, "predict", "g.csv", "-m", SITES, "--windows", "25", code=2)
    assert "leaves bases out: the model reads 24 at once" in err
    _, err = run(
        capsys, "predict", str(GOLDEN / "classify_series.ts"), "-m", SERIES, "--windows", "5", code=2
    )
    assert "--windows is for DNA" in err


@pytest.mark.parametrize(
    ("length", "width", "apart"), [(61, 24, 15), (24, 24, 3), (5, 24, 3), (100, 10, 10), (101, 10, 10)]
)
def test_windows_cover_every_base(length: int, width: int, apart: int) -> None:
    covered = np.zeros(length, bool)
    found = starts(length, width, apart)
    for start in found:
        covered[start : start + width] = True
    assert covered.all()
    assert len(set(found)) == len(found)


def test_a_logo_shows_what_each_change_of_a_base_does(capsys: pytest.CaptureFixture[str]) -> None:
    text = "ACGTACGTACGGTAACGTACNTAC"
    changed = [text[:12] + base + text[13:] for base in "ACG"]
    Path("a.csv").write_text("sequence\n" + "\n".join([text, *changed]) + "\n")
    rows, _ = run(capsys, "explain", "a.csv", "-m", SITES, "--row", "2", "--plot", "logo.svg")
    assert "".join(row["base"] for row in rows) == text
    answers, _ = run(capsys, "predict", "a.csv", "-m", SITES, "--probabilities")
    name = f"probability_{answers[0]['prediction']}"
    odds = [np.log(float(row[name])) - np.log1p(-float(row[name])) for row in answers]
    (place,) = [row for row in rows if row["position"] == "13"]
    assert place["base"] == "T"
    falls = [odds[0] - each for each in odds[1:]]
    assert [-float(place[base]) for base in "ACG"] == pytest.approx(falls, abs=2e-3)
    assert float(place["T"]) == 0
    assert float(place["score"]) == pytest.approx(np.mean(falls), abs=2e-3)
    drawn = Path("logo.svg").read_text()
    assert drawn.count('transform="translate(') >= 3
    assert '<text class="T" transform=' in drawn
    assert ">1</text>" in drawn
    assert "NaN" not in drawn
    run(capsys, "explain", "a.csv", "-m", SITES, "--row", "2", "--plot", "logo.html")
    assert "prefers-color-scheme:dark" in Path("logo.html").read_text()
    table = main(["explain", "a.csv", "-m", SITES, "--format", "table"])
    assert table == 0
    assert "=" in capsys.readouterr().out


def test_series_of_a_ts_file_are_learnt_and_answered_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(6)
    for file, count in (("X_TRAIN.ts", 40), ("X_TEST.ts", 20)):
        lines = ["@univariate true", "@classLabel true slow fast", "@data"]
        for n in range(count):
            steps = np.arange(rng.integers(20, 30)) + rng.integers(10)
            values = np.sin(steps * (0.4 if n % 2 else 0.9)) + 0.1 * rng.standard_normal(len(steps))
            lines.append(",".join(f"{value:.3f}" for value in values) + (":slow" if n % 2 else ":fast"))
        Path(file).write_text("\n".join(lines) + "\n")
    rows, err = run(capsys, "train", "X_TRAIN.ts", "--test", "X_TEST.ts", "--save", "m", *TINY)
    linear = next(row for row in rows if row["predictor"] == "linear part alone")
    assert float(linear["accuracy"]) > 0.9
    assert "2 convolutions and 1 layer" in err
    answers, _ = run(capsys, "predict", "X_TEST.ts", "-m", "m")
    assert len(answers) == 20
    assert list(answers[0]) == ["series", "prediction", "probability"]
    again, _ = run(capsys, "evaluate", "X_TEST.ts", "-m", "m")
    assert float(again[0]["accuracy"]) == pytest.approx(float(rows[0]["accuracy"]))


def test_a_number_of_each_series_is_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(7)
    lines = ["@univariate true", "@targetLabel true", "@data"]
    for level in rng.normal(size=60):
        lines.append(
            ",".join(f"{value:.3f}" for value in level + 0.1 * rng.standard_normal(12)) + f":{level:.4f}"
        )
    Path("n.ts").write_text("\n".join(lines) + "\n")
    rows, _ = run(
        capsys, "train", "n.ts", "--save", "m", "--hidden-size", "8", "--epochs", "12", "--threads", "1"
    )
    answers, _ = run(capsys, "predict", "n.ts", "-m", "m")
    assert rows[0]["predictor"] == "gru"
    truth = [float(line.rpartition(":")[2]) for line in lines[3:]]
    assert np.corrcoef(truth, [float(row["prediction"]) for row in answers])[0, 1] > 0.8


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--stem", "conv"), "--stem is for series of numbers and DNA, and neither is read here"),
        (("--members", "2"), "--members is for series of numbers and DNA, and neither is read here"),
        (("--reverse-complement",), "--reverse-complement is for series of numbers and DNA, and neither"),
        (("--text", "label"), "--text label: the column has another role already"),
        (("--text", "revew"), "no column is called 'revew'"),
    ],
)
def test_what_means_nothing_to_texts_is_refused(
    typed: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        f"{'fine good nice film' if n % 2 else 'dull bad slow film'} {n},{'ab'[n % 2]}" for n in range(40)
    ]
    Path("t.csv").write_text("review,label\n" + "\n".join(lines) + "\n")
    code = main(["train", "t.csv", *typed, *TINY])
    assert code in (2, 3)
    assert said in capsys.readouterr().err


def test_splice_junctions_leave_out_what_names_rows(capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(8)
    lines = ["Class, Donor, Sequence"]
    for n in range(60):
        text = bases(30, rng, "GT" if n % 2 else "AC")
        lines.append(f"{'EI' if n % 2 else 'N'},   GENE-{'DONOR' if n % 2 else 'NEG'}-{n},      {text}")
    Path("splice.csv").write_text("\n".join([*lines, lines[-1], lines[-2]]) + "\n")
    said, _ = run(capsys, "train", "splice.csv", "--dry-run")
    assert any(row["text"].startswith("column Donor is left out") for row in said)
    rows, err = run(capsys, "train", "splice.csv", "--text", "Sequence", "--save", "m", *TINY)
    assert "rows repeat another row; equal rows were kept in one part" in err
    assert "Sequence read as DNA" in err
    assert rows[0]["predictor"] == "combined"


def test_runs_of_bases_are_read_beside_bases(capsys: pytest.CaptureFixture[str]) -> None:
    """Such a model answers, explains and reads ambiguous letters; what cannot be obeyed is refused."""
    model = str(GOLDEN / "classify_kmers.seqcli")
    Path("sites.csv").write_text("sequence\nACGTACGTACGGTAACGTACGTAC\nACGTACGTACGNNNACGTACGTAC\nACG\n")
    rows, _ = run(capsys, "predict", "sites.csv", "-m", model, "--probabilities")
    assert len(rows) == 3
    assert rows[0]["probability_site"] != rows[1]["probability_site"]
    changes, _ = run(capsys, "explain", "sites.csv", "-m", model, "--row", "2", "--format", "csv")
    assert len(changes) == 24
    golden = str(GOLDEN / "classify_kmers.csv")
    typed = ("--text", "sequence", "--kmers", "3", "--dry-run")
    _, err = run(capsys, "train", golden, *typed, "--reverse-complement", code=2)
    assert "--kmers reads runs in one direction" in err
    _, err = run(capsys, "train", golden, *typed[:-2], "1", "--dry-run", code=2)
    assert "--kmers" in err
    _, err = run(capsys, "train", golden, *typed, "--level", "characters", code=2)
    assert "--kmers is for series of numbers and DNA" in err
    _, err = run(capsys, "train", golden, *typed, "--word-dropout", ".1", code=2)
    assert "--word-dropout shapes how text is read" in err
