"""Files as they come: encodings, separators, folders; and what a finished model is given."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import pytest
from odd_files import FORECAST, TINY, changed, features, prices, ran, recordings, refused, reviews, table

import seqcli
from seqcli.cli.main import main

REVIEWS = table(("review", "label"), [[f"{text} café", label] for text, label in reviews()])
PRICES = table(("date", "close"), [row[:2] for row in prices()])
ENCODINGS = {
    "byte order mark": REVIEWS.encode("utf-8-sig"),
    "encoding cp1252": REVIEWS.encode("cp1252"),
    "encoding UTF-16": REVIEWS.encode("utf-16"),
    "separator semicolon": REVIEWS.replace(",", ";").encode(),
    "separator tab": REVIEWS.replace(",", "\t").encode(),
    "separator bar": REVIEWS.replace(",", "|").encode(),
    "gzip": gzip.compress(REVIEWS.encode(), mtime=0),
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A directory with a model of each kind of file."""
    place = tmp_path_factory.mktemp("models")
    files = {
        "r.csv": REVIEWS,
        "p.csv": PRICES,
        "f.csv": table(("a", "b", "kind", "label"), features()),
        "s.csv": table(("recording", "time", "x", "y", "label"), recordings()),
    }
    for name, text in files.items():
        (place / name).write_text(text)
        verb = ["forecast", *FORECAST] if name == "p.csv" else ["train", *TINY]
        with contextlib.chdir(place):
            assert main([*verb[:1], name, *verb[1:], "-q"]) == 0
    return place


def stdin(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))


# ---- encodings and separators


@pytest.mark.parametrize("said", ENCODINGS)
def test_an_encoding_is_found_and_said_and_changes_nothing(capsys, monkeypatch, said) -> None:
    Path("plain.csv").write_text(REVIEWS)
    plain = ran(capsys, "train", "plain.csv", *TINY).out
    Path("x.csv").write_bytes(ENCODINGS[said])
    ended = ran(capsys, "train", "x.csv", *TINY)
    assert ended.out == plain
    assert f"note: {said}\n" in ended.err
    stdin(monkeypatch, ENCODINGS[said])
    piped = ran(capsys, "train", "-", *TINY)
    assert piped.out == plain
    assert f"note: {said}\n" in piped.err


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_change_nothing(capsys, end) -> None:
    Path("1.csv").write_bytes(PRICES.encode())
    Path("2.csv").write_bytes(PRICES.replace("\n", end).encode())
    first, second = (ran(capsys, "forecast", name, *FORECAST) for name in ("1.csv", "2.csv"))
    assert first.out == second.out != []


def test_a_file_without_a_header_is_doubted_or_refused(capsys) -> None:
    Path("x.csv").write_text(PRICES.partition("\n")[2])
    assert "looks like data" in refused(capsys, "forecast", "x.csv")[0]
    Path("x.csv").write_text(REVIEWS.partition("\n")[2])
    assert "column bad holds 'bad' as a value too" in ran(capsys, "train", "x.csv", *TINY).err
    Path("y.csv").write_text("".join(f"s{n // 9},{n % 9},{n / 7},{'ab'[n % 2]}\n" for n in range(90)))
    said = refused(capsys, "train", "y.csv")  # both columns of strings may be the label
    assert "more than one column could be the label: s0, a" in said[0]
    assert "column s0 holds 's0' as a value too" in said[1]
    assert "--names A,B" in said[1]
    assert "--names A,B" in refused(capsys, "predict", "y.csv", "-m", "x.seqcli")[1]


def test_a_compressed_file_that_ends_too_early_is_refused(capsys) -> None:
    Path("x.csv.gz").write_bytes(gzip.compress(PRICES.encode())[:-20])
    assert "ends too early" in refused(capsys, "forecast", "x.csv.gz")[0]


@pytest.mark.parametrize(("line", "number"), [("{bad", 61), ("[1]", 61), ('{"review": 1, "review": 2}', 61)])
def test_a_bad_line_of_json_is_refused_with_its_number(capsys, line, number) -> None:
    lines = [f'{{"review": "{text}", "label": "{label}"}}' for text, label in reviews()]
    Path("x.jsonl").write_text("\n".join([*lines, line]))
    assert refused(capsys, "train", "x.jsonl")[0].startswith(f"x.jsonl, line {number}: ")


@pytest.mark.parametrize("verb", ["train", "forecast"])
@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_pipe_is_refused(capsys, monkeypatch, verb, data) -> None:
    stdin(monkeypatch, data)
    assert refused(capsys, verb, "-")[0] == "stdin: there is nothing to read"


# ---- folders


def test_a_folder_of_folders_and_several_files_are_labels(capsys) -> None:
    for at, (text, label) in enumerate(reviews()):
        Path("films", label).mkdir(parents=True, exist_ok=True)
        Path("films", label, f"{at}.txt").write_text(text)
        with open(f"{label}.txt", "a") as file:
            file.write(f"{text}\n")
    for files in (["films"], ["good.txt", "bad.txt"]):
        ended = ran(capsys, "train", *files, *TINY)
        assert ended.code == 0
        assert "a column called label, 2 repeated values" in ended.err
    shutil.rmtree("films/bad")
    assert "it holds only 'good'" in refused(capsys, "train", "films", "--save", "x.seqcli")[0]


# ---- a finished model and the files that it is given


@pytest.mark.parametrize("verb", ["forecast", "evaluate"])
@pytest.mark.parametrize(("rows", "message"), [
    (prices(5), "5 rows, and the model reads a window of 14"),
    (changed(prices(60), (3, 1, "eh"), (9, 1, "eh")), 'row 5, column close: "eh" is not a number'),
    (changed(prices(60), (3, 0, "eh"), (9, 0, "eh")), 'row 5, column date: "eh" is not a date'),
    (changed(prices(60), (3, 1, "1e400")), 'row 5, column close: "1e400" is infinite'),
    ([*prices(60), prices()[7]], "row 62, column date: 2023-01-09 stands in several rows"),
])  # fmt: skip
def test_a_file_that_no_forecast_should_rest_on_is_refused(capsys, models, verb, rows, message) -> None:
    Path("x.csv").write_text(table(("date", "close"), [row[:2] for row in rows]))
    assert message in refused(capsys, verb, "x.csv", "-m", str(models / "p.seqcli"))[0]


def test_one_bad_cell_of_a_later_file_is_named_and_forecast_from(capsys, models) -> None:
    Path("x.csv").write_text(table(("date", "close"), [row[:2] for row in changed(prices(60), (9, 1, "eh"))]))
    ended = ran(capsys, "forecast", "x.csv", "-m", str(models / "p.seqcli"))
    assert ended.code == 0
    assert 'row 11, column close: "eh" is not a number; taken as missing' in ended.err
    assert len(ended.out) == 8


@pytest.mark.parametrize(
    ("model", "verb", "hint"), [("p", "predict", "forecast"), ("r", "forecast", "predict")]
)
def test_the_wrong_verb_for_a_model_is_exit_2_with_the_right_one(capsys, models, model, verb, hint) -> None:
    Path("x.csv").write_text(PRICES)
    ended = ran(capsys, verb, "x.csv", "-m", str(models / f"{model}.seqcli"), "-q")
    assert ended.code == 2
    assert ended.err.splitlines()[1].startswith(f"hint: seqcli {hint} FILE")


@pytest.mark.parametrize(("model", "text", "empty", "named"), [
    ("r", "review,id\nfine,1\na,b,c\nbad\nok,3\n", {1, 2}, ["row 3: 3 cells", "row 4: 1 cell"]),
    ("r", "review,id\nfine,1\na\0b,2\nok,3\n", {1}, ["row 3: a NUL byte"]),
    ("r", 'review,id\nfine,1\n"never,2\nok,3\n', {1}, ["row 3: a quote is opened"]),
    ("f", "a,b,kind\n1,2,u\nx,2,v\ninf,3,w\n,3,w\n1,1,new\n", {1, 2}, ["row 3, column a", "row 4, column a"]),
    ("s", "recording,time,x,y\nq,1,2,3\nq,2,eh,4\nr,1,4,5\n", {0}, ["row 3, column x"]),
])  # fmt: skip
def test_a_bad_row_gets_no_prediction_and_is_named(capsys, models, model, text, empty, named) -> None:
    Path("x.csv").write_text(text)
    ended = ran(capsys, "predict", "x.csv", "-m", str(models / f"{model}.seqcli"))
    assert ended.code == 3
    assert {row for row, line in enumerate(ended.out[1:]) if line.endswith(",,")} == empty
    for words in named:
        assert f"x.csv, {words}" in ended.err
    assert ended.err.splitlines()[-2].startswith(f"x.csv: {len(named)} of")
    stopped = ran(
        capsys, "predict", "x.csv", "-m", str(models / f"{model}.seqcli"), "--on-error", "stop", "-q"
    )
    assert stopped.code == 3
    assert f"x.csv, {named[0]}" in stopped.err


@pytest.mark.parametrize(("text", "message"), [
    ("Review\nfine\n", "no column is called 'review'"),
    ("", "the file is empty"),
    ("review\n", "a header and no rows"),
])  # fmt: skip
@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_a_file_without_rows_to_read_is_refused(capsys, models, verb, text, message) -> None:
    Path("x.csv").write_text(text)
    ended = ran(capsys, verb, "x.csv", "-m", str(models / "r.seqcli"), "-q")
    assert ended.code == 3
    wanted = message.replace("review", "label") if verb == "evaluate" else message
    assert ended.err.startswith(f"x.csv: {wanted}")


# ---- files that may not be read, and disks that are full


@pytest.fixture
def nobody(models, monkeypatch):
    """A folder that anybody may write to, as the working directory of a user who is not root."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(models, f"{place}/models")
        Path(place).chmod(0o777)
        Path(place, "models").chmod(0o755)
        monkeypatch.chdir(place)
        main(["predict", "models/r.csv", "-m", "models/r.seqcli", "-q", "-o", "warm.csv"])  # all is imported
        Path("warm.csv").unlink()
        yield lambda: contextlib.ExitStack() if os.geteuid() else _dropped_rights()
        monkeypatch.undo()


@contextlib.contextmanager
def _dropped_rights():
    """Root's rights laid down for a while."""
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize("argv", [("train", "x.csv"), ("predict", "x.csv", "-m", "models/r.seqcli")])
def test_a_file_that_may_not_be_read_is_exit_3(capsys, nobody, argv) -> None:
    Path("x.csv").write_text(REVIEWS)
    Path("x.csv").chmod(0)
    capsys.readouterr()
    with nobody():
        message, hint = refused(capsys, *argv)
    assert (message, hint) == ("x.csv: you have no permission to read it", "hint: chmod u+r x.csv")
    assert sorted(path.name for path in Path().iterdir()) == ["models", "x.csv"]


def test_a_model_that_may_not_be_read_is_exit_4(capsys, nobody) -> None:
    for path in Path("models/r.seqcli").rglob("*"):
        path.chmod(0)
    capsys.readouterr()
    with nobody():
        ended = ran(capsys, "predict", "models/r.csv", "-m", "models/r.seqcli", "-q")
    assert ended.code == 4
    assert "cannot be read" in ended.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("argv", [
    ("predict", "models/r.csv", "-m", "models/r.seqcli"),
    ("forecast", "models/p.csv", "-m", "models/p.seqcli"),
    ("evaluate", "models/r.csv", "-m", "models/r.seqcli"),
    ("show", "models/r.seqcli"),
])  # fmt: skip
def test_a_full_disk_behind_stdout_is_exit_6(capsys, models, argv) -> None:
    shutil.copytree(models, "models")
    ended = ran(capsys, *argv, "-q", "-o", "/dev/full")
    assert ended.code == 6
    assert "no space left" in ended.err


def test_a_full_disk_under_a_forecast_leaves_no_model(models) -> None:
    shutil.copy(models / "p.csv", "p.csv")
    # A process that measures its coverage would have something to say on the full disk too.
    script = "unset ${!COVERAGE_*}; "
    script += f'ulimit -f 2; exec "{sys.executable}" -m seqcli forecast p.csv {" ".join(FORECAST)} -q'
    home = {**os.environ, "PYTHONPATH": str(Path(seqcli.__file__).parents[1])}
    done = subprocess.run(["bash", "-c", script], env=home, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (6, "")
    assert len(done.stderr.splitlines()) == 2
    assert list(Path().glob("*.seqcli")) == []


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors", "graphs/batch.onnx"])
@pytest.mark.parametrize("harm", ["cut", "edited", "gone", "link"])
def test_a_harmed_model_is_exit_4(capsys, models, name, harm) -> None:
    shutil.copytree(models / "r.seqcli", "r.seqcli")
    Path("x.csv").write_text(REVIEWS)
    path = Path("r.seqcli", name)
    data = path.read_bytes()
    path.unlink()
    if harm == "link":
        Path("elsewhere").write_bytes(data)
        path.symlink_to(Path("elsewhere").absolute())
    elif harm != "gone":
        middle = len(data) // 2
        path.write_bytes(data[:middle] + (b"" if harm == "cut" else b"?" + data[middle + 1 :]))
    ended = ran(capsys, "predict", "x.csv", "-m", "r.seqcli", "-q")
    assert ended.code == 4, ended.err
    assert len(ended.err.splitlines()) <= 2
    assert "r.seqcli" in ended.err
