"""What is typed and how it ends: exit codes, two-line errors, near misses, help."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

import seqcli
from seqcli.cli import main as module
from seqcli.cli.main import COMMANDS, main
from seqcli.errors import DataError, DivergedError, ModelError, ResourceError
from seqcli.options import Options, SavingOptions
from seqcli.results import ResultColumn, ResultTable
from seqcli.training.events import PlanMade, Trained

TABLE = ResultTable("Test", (ResultColumn("predictor"), ResultColumn("accuracy")), [("seqcli", 0.9)])
HEAVY = ("torch", "pandas", "sklearn", "scipy", "onnx", "pydantic")


class Runs:
    """Stands for seqcli.training.run: records its calls and does what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[str, ...], Options, SavingOptions, frozenset[str]]] = []
        self.error: BaseException | None = None
        self.task = "classify"

    def train(self, files, options, saving, typed=frozenset()):
        self.calls.append((tuple(files), options, saving, typed))
        yield self.plan_only(files, options, saving)
        if self.error:
            raise self.error
        yield Trained(Path("reviews.seqcli"), TABLE, (), ("split by rows",), "")

    def plan_only(self, files, options, saving):
        return PlanMade(self.task, ("target: label",), ("one row dropped",), TABLE)


@pytest.fixture
def runs(monkeypatch):
    fake = Runs()
    stand_in = types.ModuleType("seqcli.training.run")
    stand_in.train, stand_in.plan_only = fake.train, fake.plan_only
    monkeypatch.setitem(sys.modules, "seqcli.training.run", stand_in)
    return fake


def errors(capsys, argv):
    """Exit code and stderr lines of a command line that prints no result."""
    code = main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) <= 2
    assert all(line.startswith("hint: ") for line in lines[1:])
    return code, lines


def test_version(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"seqcli {seqcli.__version__}\n"


def test_help_lists_every_command_and_no_other(capsys) -> None:
    assert main(["--help"]) == main([]) == 0
    text = capsys.readouterr().out
    for name, (_, summary) in COMMANDS.items():
        assert name in text
        assert summary.split(".")[0][:30] in text
    assert set(re.findall(r"^│ ([a-z][a-z-]+) ", text, flags=re.MULTILINE)) == set(COMMANDS)
    assert "$ seqcli train reviews.csv" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_its_examples_first_and_all_its_flags(capsys, monkeypatch, name) -> None:
    from seqcli.cli.values import flag_name

    monkeypatch.setenv("COLUMNS", "120")
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    command = module._load(COMMANDS[name][0])
    for example in command.examples:
        assert f"seqcli {name}" in example
        assert text.index(f"$ {example}") < text.index("--help")
    for panel, item in command.options():
        assert flag_name(item) in text
        assert panel in text


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["trian", "x"], "no command is called 'trian'", "did you mean train?"),
        (["inspect_gradients"], "no command is called", "did you mean inspect-gradients?"),
        (["zzz"], "no command is called 'zzz'", "the commands are train, "),
        (["--verbos"], "seqcli has no option --verbos", "did you mean --version?"),
        (["train", "x", "--epoch", "3"], "train has no option --epoch", "did you mean --epochs?"),
        (["train", "x", "--epoch=3"], "train has no option --epoch", "did you mean --epochs?"),
        (["train", "x", "--zzz"], "train has no option --zzz", "seqcli train --help lists"),
        (["train", "x", "--epochs"], "--epochs", "seqcli train --help lists"),
        (["train", "x", "--epochs", "many"], "--epochs: 'many' is not a whole number", None),
        (["train", "x", "--cell", "gruu"], "--cell: 'gruu' is not one of", "did you mean gru?"),
        (["train", "x", "--config", "no.toml"], "no.toml: cannot be read", None),
        (["train", ""], "a file name is empty", "a shell variable"),
        (["train"], "train needs a file", "seqcli train reviews.csv"),
        (["evaluate"], "evaluate needs a", "seqcli evaluate"),
        (["forecast"], "forecast needs a", "seqcli forecast"),
        (["explain"], "explain needs a file", "seqcli explain"),
        (["tune"], "tune needs a", "seqcli tune"),
        (["tune", "x.csv", "--save", "best"], "a configuration ends in .toml", "--save best.toml"),
    ],
)
def test_what_cannot_be_obeyed_is_exit_2(capsys, argv, message, hint) -> None:
    code, lines = errors(capsys, argv)
    assert code == 2
    assert message in lines[0]
    if hint:
        assert hint in lines[1]


def test_a_file_in_place_of_a_command_is_recognised(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prices.csv").write_text("x")
    code, lines = errors(capsys, ["prices.csv"])
    assert code == 2
    assert lines == ["'prices.csv' is a file, not a command", "hint: seqcli train prices.csv"]


def test_train_passes_what_was_typed_and_nothing_else(runs, capsys) -> None:
    runs.task = "forecast"
    argv = ["train", "a.csv", "b.csv", "--epochs", "3", "--target", "x,y", "--target", "z", "--no-refit"]
    assert main([*argv, "--no-bidirectional", "--time-budget", "2m", "--save", "out.seqcli", "--force"]) == 0
    files, options, saving, typed = runs.calls[0]
    assert files == ("a.csv", "b.csv")
    assert options.training.epochs == 3
    assert options.columns.target == ("x", "y", "z")
    assert options.training.refit is False
    assert options.network.bidirectional is False
    assert options.training.time_budget == 120.0
    assert saving == SavingOptions(save="out.seqcli", force=True)
    assert {"epochs", "target", "refit", "bidirectional", "time_budget"} <= typed
    assert "cell" not in typed
    captured = capsys.readouterr()
    assert captured.out == "predictor,accuracy\nseqcli,0.9\n"
    for part in ("target: label", "note: one row dropped", "split by rows", "reviews.seqcli"):
        assert part in captured.err


def test_quiet_leaves_the_result_alone(runs, capsys) -> None:
    assert main(["train", "a.csv", "-q"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "predictor,accuracy\nseqcli,0.9\n"
    assert captured.err == ""


def test_a_dry_run_prints_the_plan_and_trains_nothing(runs, capsys) -> None:
    assert main(["train", "a.csv", "--dry-run"]) == 0
    assert runs.calls == []
    assert capsys.readouterr().out == "kind,text\nplan,target: label\nnote,one row dropped\n"


def test_a_configuration_file_gives_the_same_options_and_flags_win(runs, tmp_path, capsys) -> None:
    path = tmp_path / "run.toml"
    path.write_text('epochs = 3\nhidden-size = 64\ntarget = ["x", "y"]\ntime_budget = "90s"\nquiet = true\n')
    assert main(["train", "a.csv", "--config", str(path), "--epochs", "4"]) == 0
    _, options, _, typed = runs.calls[0]
    assert options.training.epochs == 4
    assert options.network.hidden_size == 64
    assert options.columns.target == ("x", "y")
    assert options.training.time_budget == 90.0
    assert {"epochs", "hidden_size", "target", "time_budget"} <= typed
    assert capsys.readouterr().err == ""


def test_a_whole_resolved_set_can_be_run_again(runs, tmp_path) -> None:
    import json

    path = tmp_path / "options.json"
    runs.task = "forecast"
    wanted = Options.from_flat({"cell": "lstm", "epochs": 7, "interval": [50, 90], "dropout": 0.25})
    path.write_text(json.dumps({"options": wanted.to_flat()}))
    assert main(["train", "a.csv", "--config", str(path)]) == 0
    assert runs.calls[0][1] == wanted
    assert runs.calls[0][3] == {"cell", "epochs", "interval", "dropout"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epohcs = 3", "no option is called 'epohcs'"),
        ("epochs = 'x'", "epochs: 'x' is not a whole number"),
        ("epochs = ", "run.toml: "),
        ("[training]\nepochs = 3", "no option is called 'training'"),
        ('config = "other.toml"', "no option is called 'config'"),
    ],
)
def test_a_bad_configuration_is_exit_2_and_names_the_file(tmp_path, capsys, text, message) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    code, lines = errors(capsys, ["train", "a.csv", "--config", str(path)])
    assert code == 2
    assert "run.toml" in lines[0]
    assert message in lines[0]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("a.csv, row 3: bad", "mend it"), 3, "a.csv, row 3: bad"),
        (ModelError("damaged"), 4, "damaged"),
        (DivergedError("the loss is NaN"), 5, "the loss is NaN"),
        (ResourceError("disk full"), 6, "disk full"),
        (MemoryError(), 6, "memory ran out"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 6, "memory ran out"),
        (OSError(errno.ENOSPC, "No space left on device", "x/y"), 6, "x/y: no space left on device"),
        (OSError(errno.EFBIG, "File too large"), 6, "file too large"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 2, "x: permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("division by zero"), 1, "a bug in seqcli: ZeroDivisionError"),
        (DataError("two\nlines", "of\nboth"), 3, "two lines"),
    ],
)
def test_every_way_to_fail_has_its_code(runs, capsys, error, code, message) -> None:
    runs.error = error
    got, lines = errors(capsys, ["train", "a.csv", "-q"])
    assert got == code
    assert message in lines[0]


def test_verbose_shows_where_a_bug_is(runs, capsys) -> None:
    runs.error = ZeroDivisionError("x")
    assert main(["train", "a.csv", "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_silence(runs, capsys) -> None:
    runs.error = BrokenPipeError()
    assert main(["train", "a.csv", "-q"]) == 141
    assert capsys.readouterr().err == ""


def test_a_result_file_that_cannot_be_written_is_refused_ahead_of_training(runs, capsys, tmp_path) -> None:
    code, lines = errors(capsys, ["train", "a.csv", "-o", str(tmp_path / "no" / "x.csv")])
    assert code == 2
    assert "there is no directory" in lines[0]
    assert runs.calls == []


def test_a_full_disk_at_stdout_is_exit_6_in_one_line() -> None:
    for argv in (["--version"], ["--help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "seqcli", *argv],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 6
        assert "no space left" in done.stderr
        assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize("argv", [["--version"], ["--help"], ["train", "--help"]])
def test_a_closed_pipe_is_silence(argv) -> None:
    done = subprocess.run(
        [
            "bash",
            "-c",
            'exec 3> >(exec true); sleep .3; "$0" -m seqcli "$@" >&3; echo $?',
            sys.executable,
            *argv,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "141"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("argv", "absent"),
    [
        (["--version"], ("typer", "rich", "numpy", *HEAVY)),
        (["--help"], ("numpy", "onnxruntime", *HEAVY)),
        (["train", "--help"], ("onnxruntime", *HEAVY)),
        (["forecast", "--help"], ("onnxruntime", *HEAVY)),
        (["generate", "--help"], ("onnxruntime", *HEAVY)),
        (["predict", "--help"], ("numpy", "onnxruntime", *HEAVY)),
    ],
)
def test_what_only_shows_help_imports_nothing_heavy(argv, absent) -> None:
    code = (
        "import sys; sys.argv[1:] = sys.argv[1:]\n"
        "from seqcli.__main__ import main\n"
        "code = main()\n"
        "print(*sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
    assert set(absent).isdisjoint(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["seqcli", "fo"], "forecast"),
        (["seqcli", "train", "--hid"], "--hidden-size"),
        (["seqcli", "train", "--cell", "ls"], "lstm"),
    ],
)
def test_the_shell_can_complete(monkeypatch, words, offered) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seqcli"],
        env={
            **os.environ,
            "_SEQCLI_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
            "PYTHONPATH": str(Path(seqcli.__file__).parents[1]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [offered]
    assert done.stderr == ""


def test_a_message_steers_no_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["train", str(tmp_path / "\x1b[31mred.csv")]) == 3
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\N{REPLACEMENT CHARACTER}[31mred.csv" in said
