"""The commands on small files, from what is typed to what is printed and written."""

from __future__ import annotations

import io
import json
import runpy
import shlex
import shutil
import subprocess
import sys
import types
from datetime import date, timedelta
from pathlib import Path

import pytest
from command_lines import rows_of, run

from seqcli.cli.main import COMMANDS, _load, main
from seqcli.demo.samples import write_sample
from seqcli.errors import SeqcliError, UsageError
from seqcli.results import ResultColumn, ResultTable

TINY = runpy.run_path(str(Path(__file__).parents[1] / "inference" / "tiny_language.py"))


def type_in(monkeypatch, text, terminal=False):
    stdin = types.SimpleNamespace(
        buffer=io.BytesIO(text.encode()), isatty=lambda: terminal, readline=io.StringIO(text).readline
    )
    monkeypatch.setattr(sys, "stdin", stdin)


# ---- train


def test_train_prints_the_test_table_beside_baselines_and_writes_the_model(here, capsys) -> None:
    code, out, err = run(
        capsys, "train", "reviews.csv", "--epochs", "1", "--hidden-size", "4", "--save", "new.seqcli"
    )
    assert code == 0
    table = rows_of(out)
    assert len(table) >= 2
    assert all(0 <= float(row["accuracy"]) <= 1 for row in table)
    assert "Parameters" in err
    assert "total" in err
    assert "Rules kept\n- " in err
    assert "seqcli predict FILE -m new.seqcli" in err
    assert (here / "new.seqcli" / "model.json").is_file()


def test_a_dry_run_writes_nothing(here, capsys) -> None:
    before = sorted(Path().iterdir())
    code, out, _ = run(capsys, "train", "prices.csv", "--dry-run", "--task", "forecast", "--save", "x.seqcli")
    assert code == 0
    assert "forecast" in out
    assert sorted(Path().iterdir()) == before


def test_an_option_that_the_task_does_not_read_is_refused(here, capsys) -> None:
    code, out, err = run(capsys, "train", "reviews.csv", "--window", "5", "--save", "x.seqcli", "-q")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "--window means nothing to the task classify"
    assert not list(here.glob("*x.seqcli*"))


def test_the_saved_options_of_a_model_can_be_run_again(here, capsys) -> None:
    code, *_ = run(
        capsys, "train", "reviews.csv", "--config", "reviews.seqcli", "--save", "again.seqcli", "-q"
    )
    assert code == 0
    assert (
        Path("again.seqcli/weights.safetensors").read_bytes()
        == Path("reviews.seqcli/weights.safetensors").read_bytes()
    )


# ---- predict


def test_predict_keeps_the_columns_and_appends_prediction_and_probability(here, capsys, write_csv) -> None:
    write_csv(Path("new.csv"), ("n", "review"), [(7, "the music is warm, truly"), (8, "a flat story")])
    code, out, _ = run(capsys, "predict", "new.csv", "-m", "reviews.seqcli")
    first, second = rows_of(out)
    assert code == 0
    assert list(first) == ["n", "review", "prediction", "probability"]
    assert (first["n"], first["review"], second["n"]) == ("7", "the music is warm, truly", "8")
    assert first["prediction"] in ("good", "bad")
    assert 0.5 <= float(first["probability"]) <= 1


def test_predict_forms_names_and_columns(here, capsys, write_csv) -> None:
    write_csv(Path("new.csv"), ("n", "review"), [(7, "a warm story")])
    _, out, _ = run(
        capsys, "predict", "new.csv", "-m", "reviews.seqcli",
        "--keep", "n", "--probabilities", "--as", "guess", "--format", "jsonl",
    )  # fmt: skip
    record = json.loads(out)
    assert list(record)[:2] == ["n", "guess"]
    shares = [value for name, value in record.items() if isinstance(value, float)]
    assert len(shares) >= 2
    code, out, _ = run(capsys, "predict", "new.csv", "-m", "reviews.seqcli", "-o", "out.json")
    assert (code, out) == (0, "")
    assert json.loads(Path("out.json").read_text())[0]["n"] == "7"


def test_predict_replaces_the_file_that_it_reads(here, capsys, write_csv) -> None:
    write_csv(Path("new.csv"), ("review",), [("a warm story",)] * 3)
    assert run(capsys, "predict", "new.csv", "-m", "reviews.seqcli", "-o", "new.csv")[0] == 0
    assert len(rows_of(Path("new.csv").read_text())) == 3
    assert "prediction" in Path("new.csv").read_text()


def test_predict_reads_lines_of_text_from_stdin(here, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "a warm, fine story\na dull one\n")
    code, out, err = run(capsys, "predict", "-m", "reviews.seqcli")
    assert code == 0
    assert [row["review"] for row in rows_of(out)] == ["a warm, fine story", "a dull one"]
    assert "stdin" in err


def test_predict_asks_on_a_terminal(here, capsys, monkeypatch) -> None:
    type_in(monkeypatch, "a warm story\n\na dull one\n", terminal=True)
    code, out, err = run(capsys, "predict", "-m", "reviews.seqcli", "--format", "table")
    assert code == 0, err
    assert err.count("review> ") == 4
    answers = out.splitlines()
    assert len(answers) == 2
    assert all(
        answer.split()[0] in ("good", "bad") and 0.5 <= float(answer.split()[1]) <= 1 for answer in answers
    )


def test_a_bad_row_is_named_and_the_rest_goes_through(here, capsys) -> None:
    Path("new.csv").write_text("n,review\n1,a warm story\n2,one,too many\n3,a dull story\n")
    code, out, err = run(capsys, "predict", "new.csv", "-m", "reviews.seqcli")
    assert code == 3
    assert [row["prediction"] == "" for row in rows_of(out)] == [False, True, False]
    assert "row 3" in err
    code, _, err = run(capsys, "predict", "new.csv", "-m", "reviews.seqcli", "--on-error", "stop", "-q")
    assert code == 3
    assert "row 3" in err.splitlines()[0]
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["predict", "a.csv", "b.csv"], 2, "one file"),
        (["predict", "reviews.csv"], 4, "prices.seqcli, reviews.seqcli"),
        (["predict", "reviews.csv", "-m", "review.seqcli"], 4, "no such model"),
        (["predict", "prices.csv", "-m", "prices.seqcli"], 2, "forecasts"),
        (["predict", "prices.csv", "-m", "reviews.seqcli"], 3, "review"),
        (["predict", "nothere.csv", "-m", "reviews.seqcli"], 3, "nothere.csv"),
        (["forecast", "reviews.csv", "-m", "reviews.seqcli"], 2, "does not forecast"),
        (["forecast", "prices.csv", "-m", "prices.seqcli", "--epochs", "3"], 2, "--epochs shapes a training"),
        (["evaluate", "reviews.csv", "-m", "reviews.seqcli", "--fail-under", "acuracy=.1"], 2, "acuracy"),
        (["show", "a", "b"], 2, "one model"),
        (["show", "--equations"], 4, "there are 2 models here"),
        (["demo", "99"], 2, "no section"),
    ],
)
def test_mistakes_are_two_lines(here, capsys, argv, code, said) -> None:
    got, _, err = run(capsys, *argv, "-q") if argv[0] != "show" else run(capsys, *argv)
    lines = [line for line in err.splitlines() if line]
    assert got == code
    assert said in lines[0]
    assert len(lines) <= 2


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("scrolling", "moves"), [(False, True), (True, False)])
def test_a_terminal_sees_how_far_a_file_is_unless_its_rows_scroll_by(
    here, capsys, monkeypatch, scrolling, moves
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("seqcli.reporting.progress.REDRAW", -1.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    if scrolling:
        monkeypatch.setattr(sys, "stdout", Terminal())
    assert main(["predict", "reviews.csv", "-m", "reviews.seqcli", "--format", "csv"]) == 0
    assert ("100% · 80 rows, " in terminal.getvalue()) is moves
    assert ("\r" in terminal.getvalue()) is moves


# ---- evaluate


def test_evaluate_prints_the_models_figures(here, capsys) -> None:
    code, out, err = run(capsys, "evaluate", "reviews.csv", "-m", "reviews.seqcli")
    assert code == 0
    assert 0 <= float(rows_of(out)[0]["accuracy"]) <= 1
    assert "trained on" in err


def test_a_metric_under_the_limit_is_exit_1(here, capsys) -> None:
    limits = "accuracy=0,macro_f1=1.5"
    code, out, err = run(
        capsys, "evaluate", "reviews.csv", "-m", "reviews.seqcli", "--fail-under", limits, "-q"
    )
    assert code == 1
    assert rows_of(out)
    assert "macro_f1" in err
    assert "is under 1.5" in err
    code, *_ = run(capsys, "evaluate", "reviews.csv", "-m", "reviews.seqcli", "--fail-under", "accuracy=0")
    assert code == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["reviews.csv", "-m", "reviews.seqcli", "--fail-under", "log_loss=0"], "log_loss"),
        (["prices.csv", "-m", "prices.seqcli", "--fail-under", "mase=1000,mae=0"], "mae"),
    ],
)
def test_an_error_over_the_limit_is_exit_1(here, capsys, argv, said) -> None:
    code, out, err = run(capsys, "evaluate", *argv, "-q")
    assert code == 1
    assert rows_of(out)
    problem, hint = err.splitlines()
    assert problem.startswith(f"{said} ")
    assert problem.endswith(" is over 0")
    assert hint == "hint: lower is better: --fail-under asked for at most 0"
    assert run(capsys, "evaluate", *argv[:-1], f"{said}=1e9", "-q")[0] == 0


def test_a_limit_on_what_the_file_cannot_tell_is_exit_1() -> None:
    from seqcli.cli.commands.evaluate import check_limits

    result = ResultTable("", (ResultColumn("forecast"), ResultColumn("mase")), [("seqcli (gru)", None)])
    with pytest.raises(SeqcliError, match="mase cannot be measured"):
        check_limits(result, (("mase", 1.0),))
    with pytest.raises(UsageError, match="no metric 'forecast'"):
        check_limits(result, (("forecast", 1.0),))


# ---- show


def test_show_tells_what_a_model_is(here, capsys) -> None:
    _, out, _ = run(capsys, "show", "reviews.seqcli")
    card = {row["item"]: row["value"] for row in rows_of(out)}
    assert card["task"] == "classify"
    assert card["target"] == "label"
    assert card["inputs"] == "review"
    assert "80 rows" in card["trained on"]
    assert card["typed: --epochs"] == "2"
    weights = json.loads(Path("reviews.seqcli/model.json").read_text())["files"]["weights.safetensors"][
        "tensors"
    ]
    assert int(card["parameters"]) == sum(
        int(size[0]) * (int(size[1]) if len(size) > 1 else 1)
        for name, (_, size) in weights.items()
        if not name.startswith("task.")  # of the linear part
    )
    assert card["answer"].startswith("the logits are ")


def test_a_model_with_nonsense_in_its_record_is_exit_4(here, capsys) -> None:
    record = json.loads(Path("reviews.seqcli/model.json").read_text())
    for key, nonsense in (
        ("metrics", {"gru": 3}),
        ("task", {"name": "classify.v1"}),
        ("typed", ["epochs", "x"]),
    ):
        Path("reviews.seqcli/model.json").write_text(json.dumps({**record, key: nonsense}))
        code, out, err = run(capsys, "show", "reviews.seqcli")
        if key == "typed":
            assert code == 0
        else:
            assert (code, out) == (4, "")
            assert len(err.splitlines()) <= 2


def test_show_equations_has_the_models_shapes(here, capsys) -> None:
    _, out, _ = run(capsys, "show", "--equations", "-m", "prices.seqcli")
    assert "h_t" in out
    assert "(8, 8)" in out


def test_show_without_a_model_tells_the_installation(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    import torch

    _, out, _ = run(capsys, "show")
    facts = {row["item"]: row["value"] for row in rows_of(out)}
    assert facts["torch"] == torch.__version__
    assert facts["device"] in ("cpu", "cuda")
    assert facts["threads"]


# ---- forecast


def test_forecast_uses_the_model_that_agrees_and_trains_when_none_does(
    here, capsys, write_csv, price_rows
) -> None:
    made = Path("prices.seqcli/model.json").read_bytes()
    code, out, err = run(capsys, "forecast", "prices.csv", "--window", "14")
    assert code == 0
    assert Path("prices.seqcli/model.json").read_bytes() == made
    assert "of the same data and options" in err
    table = rows_of(out)
    last = date(2023, 1, 2) + timedelta(days=239)
    assert [row["timestamp"] for row in table] == [str(last + timedelta(days=step)) for step in range(1, 8)]
    assert all(float(row["lo95"]) <= float(row["lo80"]) <= float(row["forecast"]) for row in table)

    code, out, _ = run(capsys, "forecast", "prices.csv", "--interval", "50", "-q")
    assert Path("prices.seqcli/model.json").read_bytes() == made
    assert list(rows_of(out)[0]) == ["timestamp", "forecast", "lo50", "hi50"]

    write_csv(Path("prices.csv"), ("date", "close"), price_rows(230))
    code, _, err = run(capsys, "forecast", "prices.csv", "--epochs", "1", "--window", "14", "--horizon", "7")
    assert code == 0
    assert Path("prices.seqcli/model.json").read_bytes() != made
    assert Path("prices.seqcli.old/model.json").read_bytes() == made
    assert "naive" in err


def test_forecast_of_a_new_file_by_a_saved_model(here, capsys, write_csv, price_rows) -> None:
    write_csv(Path("later.csv"), ("date", "close"), list(price_rows(300))[-40:])
    code, out, err = run(capsys, "forecast", "later.csv", "-m", "prices.seqcli", "--format", "json")
    assert code == 0
    table = json.loads(out)
    assert table[0]["timestamp"] == str(date(2023, 1, 2) + timedelta(days=300))
    assert len(table) == 7
    assert "80 %" in err


def test_forecast_trains_on_stdin(here, capsys, monkeypatch) -> None:
    type_in(monkeypatch, Path("prices.csv").read_text())
    code, out, _ = run(capsys, "forecast", "-", "--epochs", "1", "--window", "14", "--horizon", "3", "-q")
    assert code == 0
    assert len(rows_of(out)) == 3
    assert Path("stdin.seqcli").is_dir()


# ---- demo


def test_demo_lists_the_tour(capsys) -> None:
    code, out, _ = run(capsys, "demo")
    assert code == 0
    assert len(rows_of(out)) > 3


def test_a_section_writes_its_files_and_runs_its_commands(tmp_path, monkeypatch, capsys) -> None:
    from seqcli.demo.tour import Section

    monkeypatch.chdir(tmp_path)
    section = Section(
        3, "Files", "A text.", ("names.csv",), ("seqcli --version", "seqcli nonsense", "seqcli demo")
    )
    monkeypatch.setattr("seqcli.demo.tour.SECTIONS", (section,))
    code, out, err = run(capsys, "demo", "3")
    assert code == 2  # the second command fails, and the third is not run
    assert out.startswith("seqcli ")
    assert "section,title" not in out
    assert "wrote names.csv" in err
    assert Path("names.csv").is_file()
    assert "stays as it is" in run(capsys, "demo", "3")[2]


# ---- every example


EXAMPLES = [
    pytest.param(example, id=example) for place, _ in COMMANDS.values() for example in _load(place).examples
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_in_help_runs(here, capsys, monkeypatch, example, write_csv) -> None:
    for name, source in (("new.csv", "reviews.csv"), ("test.csv", "reviews.csv")):
        Path(name).write_text(Path(source).read_text())
    write_csv(
        Path("sensor.csv"),
        ("sequence", "step", "x", "label"),
        [(s, t, (s % 2) + 0.01 * t, "ab"[s % 2]) for s in range(40) for t in range(5)],
    )
    Path("corpus.txt").write_text(TINY["TEXT"] * 30)
    dishes = [("soup" if i % 2 else "cake", 4 + i % 3, f"{i} spoons of leek and lentil") for i in range(200)]
    write_csv(Path("dishes.csv"), ("course", "price", "dish"), dishes)
    if "tunes/" in example:
        shutil.copytree(Path(__file__).parents[2] / "sample_data" / "tunes", "tunes")
    if "corpus.seqcli" in example:
        TINY["tiny_language"](Path("corpus.seqcli"))
    golden = Path(__file__).parents[1] / "golden"
    if "-m shops.seqcli" in example:
        shutil.copy(golden / "forecast_panel.csv", "shops.csv")
        shutil.copytree(golden / "forecast_panel.seqcli", "shops.seqcli")
    if "clips.csv" in example:
        shutil.copy(golden / "classify_clips.csv", "clips.csv")
        for folder, name in (("clips", "clips"), ("classify_clips.seqcli", "clips.seqcli")):
            shutil.copytree(golden / folder, name)
    if "-m ner.seqcli" in example:
        shutil.copytree(golden / "tag_spans.seqcli", "ner.seqcli")
    if "-m speech.seqcli" in example:
        shutil.copytree(golden / "transcribe_onward.seqcli", "speech.seqcli")
        TINY["tiny_language"](Path("text.seqcli"))
        shutil.copy(golden / "clips" / "dd-0.wav", "clip.wav")
        Path("clips.csv").write_text("audio\nclip.wav\n")
    if "sites" in example:
        shutil.copytree(golden / "classify_bases.seqcli", "sites.seqcli")
        Path("sites.fa").write_text(">one\nACGTACGTTAGCCATGACGTACGT\n>two\nTTGACCATGCAACGGATTACAGGT\n")
    if "dates" in example:
        shutil.copy(golden / "translate_characters.csv", "dates.csv")
        shutil.copytree(golden / "translate_characters.seqcli", "dates.seqcli")
    if "--source train.de" in example:
        for ending in ("de", "en"):
            Path(f"train.{ending}").write_text("".join(f"{row} {ending}\n" for row in range(40)))
    if "ner.conll" in example:
        write_sample("people.conll", Path()).rename("ner.conll")
    left, pipe, right = example.partition(" | ")
    text = (
        subprocess.run(["bash", "-c", left], capture_output=True, text=True, check=True).stdout
        if pipe
        else ""
    )
    type_in(monkeypatch, text or "a warm story\n")
    if example == "seqcli show":
        monkeypatch.chdir(here.parent)
    argv = shlex.split(right or left)[1:]
    trains = argv[0] in ("train", "forecast", "generate")
    if trains and "-m" not in argv and "--dry-run" not in argv:
        argv += ["--epochs", "1", "--force"]
    if argv[0] == "compare":
        at = argv.index("--time-budget") if "--time-budget" in argv else len(argv)
        argv = [*argv[:at], *argv[at + 2 :], "--epochs", "1", "--no-growth", "--hidden-size", "4"]
    if argv[0] == "tune":
        argv += ["--trials", "2"]
    if argv == ["demo", "1"]:
        monkeypatch.setattr("seqcli.cli.commands.demo.run_line", lambda line: 0)
    if "--fail-under" in argv:
        argv[-1] = "accuracy=.1,log_loss=9"
    code, out, err = run(capsys, *argv)
    assert code == 0, err
    assert out or "-o" in argv or argv[0] == "demo" or "-" not in argv


# ---- whole processes


def process(here, script, **kwargs):
    """Run a bash script in which ``seqcli`` is this Python's."""
    prelude = f'seqcli() {{ "{sys.executable}" -m seqcli "$@"; }}; set -o pipefail; '
    return subprocess.run(
        ["bash", "-c", prelude + script],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=here,
        check=False,
        **kwargs,
    )


def test_a_pipe_is_answered_line_by_line(here) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "seqcli", "predict", "-", "-m", "reviews.seqcli", "--format", "jsonl", "-q"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as running:
        assert running.stdin
        assert running.stdout
        for text in ("a warm story", "a dull story"):
            running.stdin.write(text + "\n")
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["review"] == text
        running.stdin.close()
        assert running.wait(30) == 0


def test_a_reader_that_has_gone_ends_every_filter_in_silence(here, write_csv) -> None:
    write_csv(here / "many.csv", ("review",), [("a warm story of many words",)] * 5000)
    done = process(here, "seqcli predict many.csv -m reviews.seqcli -q | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines() == ["review,prediction,probability", "141"]
    assert done.stderr == ""
    train = "seqcli train reviews.csv --epochs 1 --hidden-size 8 --save p.seqcli"
    done = process(here, f"{train} 2>&1 | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.splitlines()[1:] in (["0"], ["141"])
    assert (here / "p.seqcli" / "model.json").is_file()


def test_a_full_disk_under_the_result(here) -> None:
    done = process(here, "seqcli predict reviews.csv -m reviews.seqcli -q > /dev/full")
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) <= 2
    assert "no space left" in done.stderr


HEAVY = {"torch", "pandas", "sklearn", "scipy", "onnx", "pydantic", "matplotlib"}


@pytest.mark.parametrize(
    "argv",
    [
        ["predict", "reviews.csv", "-m", "reviews.seqcli"],
        ["forecast", "prices.csv", "-m", "prices.seqcli"],
        ["forecast", "prices.csv"],
        ["forecast", "prices.csv", "-m", "prices.seqcli", "--plot", "next.html"],
        ["forecast", "prices.csv", "-m", "prices.seqcli", "--flag-anomalies"],
        ["forecast", "-", "-m", "prices.seqcli", "--follow"],
        ["forecast", "-", "-m", "prices.seqcli", "--follow", "--flag-anomalies"],
        ["evaluate", "reviews.csv", "-m", "reviews.seqcli"],
        ["explain", "prices.csv", "-m", "prices.seqcli", "--plot", "lags.svg"],
        ["show", "prices.seqcli"],
        ["show", "--equations", "-m", "prices.seqcli"],
    ],
)
def test_what_uses_a_saved_model_imports_nothing_heavy(here, argv) -> None:
    code = (
        "import sys\nfrom seqcli.__main__ import main\ncode = main()\n"
        "print(*sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)\nsys.exit(code)"
    )
    prices = (here / "prices.csv").read_text()
    done = subprocess.run(
        [sys.executable, "-c", code, *argv],
        capture_output=True, text=True, check=False, cwd=here, input=prices,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert HEAVY.isdisjoint(done.stderr.splitlines()[-1].split())
    if argv[0] == "predict" or "--follow" in argv:
        assert "rich" not in done.stderr.splitlines()[-1].split()
