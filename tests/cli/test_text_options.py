"""What is typed on how text is read: each option does something, is saved, and is refused elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqcli.cli.main import main
from seqcli.model_dir import read_model

TINY = ("--hidden-size", "4", "--epochs", "2", "--batch-size", "16", "--threads", "1", "--quiet")
WORDS = ["good", "bad", "very", "film", "the", "was", "dull", "bright"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=5 + k % 4)) for k in range(80)]
    rows = [f"{text} once{k},{'aab'[k % 3]}" for k, text in enumerate(texts)]
    Path("texts.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    numbers = [f"{k}.5,{k % 7},{'ab'[k % 2]}" for k in range(80)]
    Path("numbers.csv").write_text("\n".join(["x,y,label", *numbers]) + "\n")
    known = [*WORDS, *(f"once{k}" for k in range(40)), "other"]
    vectors = {word: rng.normal(size=6).round(3) for word in known}
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in vectors.items()]
    Path("vectors.txt").write_text("\n".join(lines) + "\n")
    words = (f"{word} {'XY'[k % 2]}" for text in texts for k, word in enumerate([*text.split(), ""]))
    Path("words.conll").write_text("\n".join(line if line[0] != " " else "" for line in words) + "\n")
    Path("more.txt").write_text("\n".join(texts[::-1]) + "\n")
    Path("foreign.txt").write_text("eins zwei drei\n" * 9)
    Path("empty.txt").write_text("")
    Path("binary.txt").write_bytes(bytes(range(256)) * 9)
    Path("folder").mkdir()
    return tmp_path


def train(*argv: str, save: str = "m.seqcli", file: str = "texts.csv"):
    assert main(["train", file, *TINY, "--save", save, "--force", *argv]) == 0
    return read_model(save)


def files_of(model) -> dict[str, bytes]:
    names = ("weights.safetensors", "graphs/batch.onnx", "history.jsonl")
    return {name: Path(model.path, name).read_bytes() for name in names}


@pytest.mark.parametrize(
    "typed",
    [
        ("--pool", "mean+last"),
        ("--no-subwords",),
        ("--word-dropout", "0.3"),
        ("--embedding-dropout", "0.7"),
        ("--no-variational",),
        ("--label-smoothing", "0.2"),
        ("--class-weight", "auto"),
        ("--ema", "0"),
        ("--vectors", "vectors.txt"),
        ("--pretrain", "more.txt"),
        ("--pretrain", "training"),
    ],
    ids=" ".join,
)
def test_each_option_changes_the_model_and_its_saved_options_make_it_again(here, capsys, typed) -> None:
    plain, changed = train(), train(*typed, save="other.seqcli")
    assert files_of(plain)["weights.safetensors"] != files_of(changed)["weights.safetensors"]
    again = main(["train", "texts.csv", "--quiet", "--config", "other.seqcli", "--save", "again.seqcli"])
    assert again == 0
    assert files_of(read_model("again.seqcli")) == files_of(changed)


def test_training_rows_are_meant_whatever_else_is_called_training(here, capsys) -> None:
    usual = files_of(train("--pretrain", "training"))
    Path("training").mkdir()
    assert files_of(train("--pretrain", "training")) == usual
    Path("training").rmdir()
    Path("more.txt").rename("training")
    assert files_of(train("--pretrain", "training")) == usual
    assert files_of(train("--pretrain", "./training")) != usual


def test_words_met_once_are_kept_where_they_have_a_vector(here, capsys) -> None:
    model = train("--vectors", "vectors.txt")
    tokens = json.loads(Path("m.seqcli/model.json").read_text())["task"]["inputs"]["vocabulary"]["tokens"]
    met = {token for token in tokens if token.startswith("once")}
    assert 10 < len(met) < 40
    assert all(int(token.removeprefix("once")) < 40 for token in met)
    assert model.network.inputs[0].embedding_size == 6
    assert main(["train", "texts.csv", "--vectors", "vectors.txt", *TINY[:-1], "--dry-run"]) == 0
    assert "words begin with their vectors of vectors.txt" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "typed", "said"),
    [
        ("numbers.csv", ("--word-dropout", ".1"), "no text is read here"),
        ("numbers.csv", ("--subwords",), "no text is read here"),
        ("numbers.csv", ("--vectors", "vectors.txt"), "no text is read here"),
        ("numbers.csv", ("--pretrain", "training"), "no text is read here"),
        ("numbers.csv", ("--pretrain", "none"), "no text is read here"),
        ("texts.csv", ("--vectors", "vectors.txt", "--embedding-size", "8"), "6 numbers, not 8"),
        ("texts.csv", ("--vectors", "vectors.txt", "--level", "characters"), "reads none"),
        ("texts.csv", ("--vectors", "vector.txt"), "no such file"),
        ("texts.csv", ("--vectors", "more.txt"), "row 1 is no word"),
        ("texts.csv", ("--pretrain", "numbers.csv"), "has no column 'text'"),
        ("texts.csv", ("--pretrain", "foreign.txt"), "none of its words is among those of the training rows"),
        ("texts.csv", ("--pretrain", "trainin"), "did you mean --pretrain training?"),
        ("texts.csv", ("--pretrain", "mor.txt"), "did you mean more.txt?"),
        ("texts.csv", ("--pretrain", "empty.txt"), "the file is empty"),
        ("texts.csv", ("--pretrain", "binary.txt"), "is binary data, not text"),
        ("texts.csv", ("--pretrain", "folder"), "no file to read in this folder"),
        ("texts.csv", ("--pretrain", "training", "--cell", "none"), "foresee the next word"),
        ("texts.csv", ("--pretrain", "training", "--time-budget", "9s"), "the time of its own passes"),
        ("texts.csv", ("--vectors", "vectors.txt", "--init-from", "m.seqcli"), "what the words begin as"),
        ("texts.csv", ("--level", "bpe", "--subwords"), "cuts words into parts already"),
        ("texts.csv", ("--level", "bytes"), "is for a text to go on with"),
        ("texts.csv", ("--pool", "max+min"), "'min' is not one of"),
        ("texts.csv", ("--pool", "max+max"), "names a pooling twice"),
        ("texts.csv", ("--ema", "1"), "too large"),
        ("more.txt", ("--word-dropout", ".1"), "means nothing to the task language"),
        ("numbers.csv", ("--task", "regress", "--target", "x", "--class-weight", "auto"), "means nothing to"),
        ("numbers.csv", ("--task", "regress", "--target", "x", "--prior", "nb"), "no text is read here"),
        ("numbers.csv", ("--prior", "none"), "no text is read here"),
        ("more.txt", ("--prior", "tfidf"), "means nothing to the task language"),
        ("words.conll", ("--prior", "nb"), "means nothing to the task tag"),
        ("words.conll", ("--vectors", "vectors.txt"), "means nothing to the task tag"),
        ("words.conll", ("--pretrain", "training"), "means nothing to the task tag"),
    ],
)
def test_what_would_do_nothing_is_refused(here, capsys, file, typed, said) -> None:
    assert main(["train", file, *TINY, *typed]) in (2, 3)
    assert said in capsys.readouterr().err


def test_a_trace_says_that_a_new_word_is_read_by_its_parts(here, capsys) -> None:
    for typed, how in (((), "by their parts alone"), (("--no-subwords",), "as unknown")):
        train(*typed)
        capsys.readouterr()
        assert main(["show", "-m", "m.seqcli", "--trace", "the zebra was dull"]) == 0
        assert f"the model never met and reads {how}: 'zebra'" in capsys.readouterr().err


def test_without_a_typed_length_words_are_foreseen_first_and_it_is_said(here, capsys) -> None:
    lines = Path("texts.csv").read_text().splitlines()
    rows = [f"{line.rpartition(',')[0]} w{k} w{k + 1},{line[-1]}" for k, line in enumerate(lines[1:])]
    Path("rare.csv").write_text("\n".join([lines[0], *rows]) + "\n")
    assert main(["train", "rare.csv", "--dry-run", "--format", "table"]) == 0
    assert "learns to foresee the words of the training rows" in capsys.readouterr().err
    assert main(["train", "rare.csv", "--dry-run", "--format", "table", "--epochs", "2"]) == 0
    assert "foresee" not in capsys.readouterr().err


def test_texts_of_which_many_words_are_unknown_say_so(here, capsys) -> None:
    half = ["good film eins zwei"] * 9
    Path("half.csv").write_text(
        "\n".join(["id,text", *(f"{k},{text}" for k, text in enumerate(half))]) + "\n"
    )
    assert main(["train", "texts.csv", *TINY[:-1], "--pretrain", "half.csv", "--dry-run"]) == 0
    assert (
        "half.csv: 50 % of its words are none of the training rows', and are not learnt"
        in capsys.readouterr().out
    )
    assert main(["train", "texts.csv", *TINY[:-1], "--pretrain", "more.txt", "--dry-run"]) == 0
    assert "not learnt" not in capsys.readouterr().out
