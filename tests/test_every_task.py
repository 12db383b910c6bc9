"""Every task × every command on tiny data. What is refused on purpose is listed with its sentence."""

from __future__ import annotations

import csv
import io
import runpy
from pathlib import Path

import pytest

from seqcli.cli.main import COMMANDS, main

GOLDEN = Path(__file__).parent / "golden"
MADE = runpy.run_path(str(GOLDEN / "make.py"))
TINY = ("--hidden-size", "4", "--epochs", "1", "--threads", "1", "--seed", "2")

LINES = {
    "train": ("train", "FILE", *TINY, "OPTIONS"),
    "train --dry-run": ("train", "FILE", "--dry-run", *TINY, "OPTIONS"),
    "train --resume": ("train", "FILE", "--resume", *TINY, "OPTIONS"),
    "forecast": ("forecast", "FILE", *TINY),
    "forecast --dry-run": ("forecast", "FILE", "--dry-run", *TINY),
    "forecast -m": ("forecast", "FILE", "-m", "MODEL"),
    "generate": ("generate", "FILE", *TINY, "--length", "20", "--format", "csv"),
    "generate --dry-run": ("generate", "FILE", "--dry-run", *TINY),
    "generate -m": ("generate", "-m", "MODEL", "--length", "20", "--format", "csv"),
    "tune": ("tune", "FILE", *TINY, "--trials", "2", "OPTIONS"),
    "tune --dry-run": ("tune", "FILE", "--dry-run", *TINY, "OPTIONS"),
    "compare": ("compare", "FILE", *TINY, "--cells", "gru,none", "--no-growth", "OTHERS"),
    "compare --dry-run": ("compare", "FILE", "--dry-run", *TINY, "OTHERS"),
    "inspect-gradients": ("inspect-gradients", "FILE", *TINY, "--steps", "3", "--cells", "rnn,gru"),
    "inspect-gradients -m": ("inspect-gradients", "FILE", "-m", "MODEL"),
    "predict -m": ("predict", "FILE", "-m", "MODEL"),
    "evaluate -m": ("evaluate", "FILE", "-m", "MODEL"),
    "explain -m": ("explain", "FILE", "-m", "MODEL"),
    "show": ("show", "MODEL"),
    "show --equations": ("show", "--equations", "-m", "MODEL"),
    "export": ("export", "MODEL", "-o", "plain"),
    "export --int8": ("export", "MODEL", "--int8", "-o", "small.seqcli"),
}
"""Name → what is typed; the words in capitals are put in for each task."""

WRITES = {
    "train": ["data.seqcli"],
    "forecast": ["data.seqcli"],
    "generate": ["data.seqcli"],
    "tune": ["data.tuned.jsonl", "data.tuned.toml"],
    "export": ["plain"],
    "export --int8": ["small.seqcli"],
    "compare": ["data.compared.jsonl"],
}
"""Lines that leave something behind; no other writes anything."""

EVERY = (
    *("classify", "multilabel", "regress", "forecast", "language", "tag", "music", "pianoroll"),
    *("translate", "transcribe", "steps", "reconstruct"),
)
COLUMNS = {
    "train": {
        "classify": "accuracy",
        "multilabel": "micro_f1",
        "regress": "mae",
        "forecast": "mase",
        "language": "nats",
        "tag": "accuracy",
        "music": "nats",
        "pianoroll": "frame_nll",
        "translate": "token_error",
        "transcribe": "cer",
        "steps": "accuracy",
        "reconstruct": "auroc",
    },
    "train --dry-run": dict.fromkeys(EVERY, "text"),
    "forecast": dict.fromkeys(EVERY, "hi80"),
    "forecast --dry-run": dict.fromkeys(EVERY, "text"),
    "forecast -m": {"forecast": "hi80"},
    "generate": {**dict.fromkeys(EVERY, "ended"), "music": "pitch", "pianoroll": "pitch"},
    "generate --dry-run": dict.fromkeys(EVERY, "text"),
    "generate -m": {"language": "ended", "music": "pitch", "pianoroll": "pitch"},
    "tune": {
        "classify": "accuracy",
        "multilabel": "micro_f1",
        "regress": "mae",
        "forecast": "mase",
        "language": "nats",
        "tag": "seconds",
        "music": "nats",
        "pianoroll": "frame_nll",
        "translate": "nats",
        "transcribe": "cer",
        "steps": "accuracy",
        "reconstruct": "mse",
    },
    "tune --dry-run": dict.fromkeys(EVERY, "text"),
    "compare": dict.fromkeys(EVERY, "predictor"),
    "compare --dry-run": dict.fromkeys(EVERY, "text"),
    "inspect-gradients": dict.fromkeys(EVERY, "ratio"),
    "inspect-gradients -m": dict.fromkeys(EVERY, "ratio"),
    "predict -m": {
        "classify": "probability",
        "multilabel": "prediction",
        "regress": "prediction",
        "tag": "probability",
        "translate": "prediction",
        "transcribe": "probability",
        "steps": "probability",
        "reconstruct": "score",
    },
    "evaluate -m": {
        "classify": "macro_f1",
        "multilabel": "subset_accuracy",
        "regress": "rmse",
        "forecast": "smape",
        "language": "perplexity",
        "tag": "accuracy",
        "transcribe": "wer",
        "steps": "macro_f1",
        "reconstruct": "auroc",
        "music": "perplexity",
        "pianoroll": "frame_nll",
        "translate": "token_error",
    },
    "explain -m": {
        **dict.fromkeys(("classify", "multilabel", "regress", "tag", "translate", "transcribe"), "score"),
        "forecast": "importance",
    },
    "show": dict.fromkeys(EVERY, "value"),
    "export": dict.fromkeys(EVERY, "outputs"),
    "export --int8": dict.fromkeys(EVERY, "us_per_step"),
}
"""Line → task → a column of what it prints."""

USAGE, DATA = 2, 3
GOES_WITH = {
    "forecast -m": ("forecast", "it does not forecast"),
    "generate -m": (("language", "music", "pianoroll"), "it does not write text"),
}
NO_TEXT = (DATA, "no column holds text")
FORECASTS = ("forecast_carried", "forecast_members", "forecast_minlstm", "forecast_panel", "forecast_single")
NUMBERS_AND_CLASSES = (
    *(
        "classify_rows",
        "classify_sequences",
        "multilabel_columns",
        "regress",
        "regress_intervals",
        "steps_rows",
        "reconstruct",
        "reconstruct_rows",
    ),
    *FORECASTS,
)
NOT_OVER_TIME = (DATA, "no column of numbers to forecast among")
WORDS_ALONE = (
    *(
        "classify_words",
        "classify_characters",
        "classify_parts",
        "classify_pieces",
        "classify_runs",
        "classify_int8",
        "classify_bases",
        "classify_kmers",
    ),
    *("language_words", "language_characters", "language_pieces", "multilabel_cells"),
    *("language_mingru", "language_mamba", "classify_mingru", "translate_characters", "translate_pieces"),
    "steps_bases",
)
NOTHING_LEFT = (USAGE, "there is no interrupted training to go on with")
REFUSED = {
    **{("train --resume", name): NOTHING_LEFT for name in MADE["GOLDEN"]},
    **{
        (line, name): (USAGE, sentence)
        for line, (task, sentence) in GOES_WITH.items()
        for name in MADE["GOLDEN"]
        if not name.startswith(task)
    },
    **{
        (f"generate{dry}", name): NO_TEXT
        for name in (*NUMBERS_AND_CLASSES, "translate_characters")
        for dry in ("", " --dry-run")
    },
    **{
        (f"generate{dry}", name): (DATA, "more than one column could be the text to go on with")
        for name in ("classify_series", "translate_pieces", "steps_bases")
        for dry in ("", " --dry-run")
    },
    **{(f"forecast{dry}", name): NOT_OVER_TIME for name in WORDS_ALONE for dry in ("", " --dry-run")},
    **{
        ("predict -m", name): (USAGE, "it does not predict rows")
        for name in MADE["GOLDEN"]
        if name.startswith(("forecast", "language", "music", "pianoroll"))
    },
    ("explain -m", "forecast_carried"): (USAGE, "its state is carried over all rows"),
    **{
        (f"{verb}{dry}", "tag_spans"): (DATA, f"which is for the task tag, not {task}")
        for verb, task in (("generate", "language"), ("forecast", "forecast"))
        for dry in ("", " --dry-run")
    },
    **{
        ("explain -m", name): (USAGE, "not one that goes on with it")
        for name in MADE["GOLDEN"]
        if name.startswith(("language", "music", "pianoroll"))
    },
    **{
        ("explain -m", name): (USAGE, "not one with an answer a step")
        for name in MADE["GOLDEN"]
        if name.startswith(("steps", "reconstruct"))
    },
    **{
        (f"forecast{dry}", name): (USAGE, f"for the task {name}, not forecast")
        for name in ("music", "pianoroll")
        for dry in ("", " --dry-run")
    },
    **{
        (f"{verb}{dry}", name): (USAGE, f"--task {task} cannot be learnt from sound")
        for verb, task in (("generate", "language"), ("forecast", "forecast"))
        for name in ("classify_clips", "transcribe", "transcribe_onward")
        for dry in ("", " --dry-run")
    },
    ("inspect-gradients", "classify_rows"): (DATA, "more than one column could be the label"),
    ("inspect-gradients", "multilabel_columns"): (DATA, "more than one column could be the target"),
    ("inspect-gradients", "language_rows"): (DATA, "sequences of one step carry nothing through time"),
    **{
        ("inspect-gradients -m", name): (DATA, "sequences of one step carry nothing through time")
        for name in ("classify_rows", "multilabel_columns", "regress_intervals")
    },
    ("inspect-gradients -m", "classify_int8"): (USAGE, "holds no weights for gradients"),
    ("export --int8", "classify_int8"): (USAGE, "its weights have 8 bits already"),
    ("inspect-gradients -m", "regress"): (USAGE, "carries nothing from step to step"),
}
"""(Line, golden model) → exit code and sentence of the refusal."""


def test_every_command_has_a_line() -> None:
    """The tour reads no file of the user's, and has tests of its own."""
    assert {words[0] for words in LINES.values()} == set(COMMANDS) - {"demo"}


def _without(typed: tuple[str, ...], *flags: str) -> tuple[str, ...]:
    """What is typed for a task, without flags and their values."""
    left = list(typed)
    for flag in flags:
        if flag in left:
            del left[left.index(flag) : left.index(flag) + 2]
    return tuple(left)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("name", sorted(MADE["GOLDEN"]))
def test_every_task_meets_every_command(
    name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden, task = MADE["GOLDEN"][name], name.partition("_")[0]
    monkeypatch.chdir(tmp_path)
    data = f"data{golden.suffix}"
    MADE["write_rows"](Path(data), golden.header, golden.rows())
    puts = {"FILE": (data,), "MODEL": (str(GOLDEN / f"{name}.seqcli"),), "OPTIONS": golden.options}
    puts["OTHERS"] = _without(golden.options, "--cell", "--vectors")
    code = main([word for typed in LINES[line] for word in puts.get(typed, (typed,))])
    out, err = capsys.readouterr()
    written = sorted(path.name for path in tmp_path.iterdir() if path.name not in (data, "clips"))
    if (line, name) in REFUSED:
        wanted, sentence = REFUSED[line, name]
        assert (code, out, written) == (wanted, "", [])
        assert sentence in err.splitlines()[-2]
        return
    assert code == 0, err
    assert written == WRITES.get(line, [])
    if line == "show --equations":
        assert "h_t" in out
    else:
        first = next(csv.DictReader(io.StringIO(out)))
        assert first[COLUMNS[line][task]]
