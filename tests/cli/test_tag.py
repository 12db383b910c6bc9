"""Tagging from the shell: what is typed, and what comes out of the golden models."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from seqcli.cli.main import main
from seqcli.demo.tagged import tagged
from seqcli.errors import ModelError
from seqcli.inference.trust import saved_task
from seqcli.model_dir import read_model
from seqcli.tasks.tag import Tag

GOLDEN = Path(__file__).parents[1] / "golden"
SPANS, WORDS = str(GOLDEN / "tag_spans.seqcli"), str(GOLDEN / "tag_words.seqcli")
TINY = ("--hidden-size", "4", "--embedding-size", "4", "--epochs", "1", "--threads", "1")
USAGE, DATA, MODEL = 2, 3, 4


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    """Exit code, stdout and stderr of one command line, with ``text`` on stdin."""

    def call(*argv, text=None):
        if text is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = main([str(word) for word in argv])
        return code, *capsys.readouterr()

    return call


def sentences(count=60):
    """Sentences of (word, tag)."""
    found: dict[int, list[tuple[str, str]]] = {}
    for number, word, tag in tagged(count):
        found.setdefault(number, []).append((word, tag))
    return list(found.values())


def write_conll(name, count=60, scheme=None, between="\t"):
    """A file of made sentences, in another spelling of tags where ``scheme`` is given."""
    from seqcli.tasks.tagging.schemes import spans_of

    blocks = []
    for sentence in sentences(count):
        words, tags = zip(*sentence, strict=True)
        if scheme is not None:
            tags = scheme.tags(spans_of(tags), len(tags))
        blocks.append("\n".join(between.join(pair) for pair in zip(words, tags, strict=True)))
    Path(name).write_text("\n\n".join(blocks), encoding="utf-8")


def test_raw_text_gets_a_row_a_word(run) -> None:
    code, out, err = run("predict", "-", "-m", SPANS, text="Kawski sailed to Bolak.\n\nIn May!")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, list(rows[0])) == (0, ["sentence", "token", "prediction", "probability"])
    assert [row["token"] for row in rows] == ["Kawski", "sailed", "to", "Bolak", ".", "In", "May", "!"]
    assert [row["sentence"] for row in rows] == ["1"] * 5 + ["3"] * 3
    assert all(0 < float(row["probability"]) <= 1 for row in rows)
    assert "one text a line" in err


def test_jsonl_has_spans_by_the_characters_of_the_text(run) -> None:
    text = "  Kawski Bolak\tand Velfil met, \u00e9h?"
    code, out, _ = run("predict", "-", "-m", SPANS, "--format", "jsonl", text=text + "\n \n")
    found, empty = map(json.loads, out.splitlines())
    assert (code, found["text"], empty) == (0, text, {"text": " ", "spans": []})
    assert found["spans"]
    for span in found["spans"]:
        assert text[span["start"] : span["end"]] == span["text"]
        assert set(span) == {"start", "end", "label", "text", "probability"}


def test_jsonl_of_kinds_of_words_has_tokens_and_tags(run) -> None:
    _, out, _ = run("predict", "-", "-m", WORDS, "--format", "jsonl", text='{"text": "in May", "id": 7}\n')
    found = json.loads(out)
    assert (found["id"], found["text"], found["tokens"]) == ("7", "in May", ["in", "May"])
    assert len(found["tags"]) == len(found["probabilities"]) == 2
    _, out, _ = run("predict", "-", "-m", WORDS, "--format", "json", text='{"tokens": ["in May", "x"]}\n')
    assert json.loads(out)[0]["tokens"] == ["in May", "x"]


def test_conll_goes_in_and_comes_out(run) -> None:
    code, out, _ = run("predict", GOLDEN / "tag_spans.conll", "-m", SPANS, "--format", "conll")
    given = (GOLDEN / "tag_spans.conll").read_text(encoding="utf-8").split("\n")
    lines = out.removesuffix("\n").split("\n")
    assert (code, len(lines)) == (0, len(given))
    assert [line.rpartition("\t")[0] for line in lines] == given
    _, out, _ = run("predict", "-", "-m", SPANS, "-o", "out.conll", text="In May\nIt rained\n")
    assert out == ""
    written = Path("out.conll").read_text(encoding="utf-8").split("\n\n")
    assert [[line.split("\t")[0] for line in block.splitlines()] for block in written] == [
        ["In", "May"],
        ["It", "rained"],
        [],
    ]


def test_conllu_keeps_its_columns_and_gets_its_tags(run) -> None:
    Path("x.conllu").write_text(
        "# text = In May\n1\tIn\tin\tADP\tIN\t_\t2\tcase\t_\t_\n2\tMay\tMay\tX\tNN\t_\t0\troot\t_\t_\n"
    )
    code, out, _ = run("predict", "x.conllu", "-m", WORDS, "--format", "conll")
    first, second = (line.split("\t") for line in out.split("\n")[:2])
    assert (code, len(first), first[:3], second[4]) == (0, 10, ["1", "In", "in"], "NN")
    tags = saved_task(read_model(Path(WORDS))).labels.tags  # type: ignore[attr-defined]
    assert {first[3], second[3]} <= set(tags)


def test_a_pipe_that_cuts_a_sentence_in_two_is_read_whole(run, monkeypatch) -> None:
    import seqcli.inference.tagging as module

    _, whole, _ = run("predict", GOLDEN / "tag_spans.conll", "-m", SPANS)
    monkeypatch.setitem(module.ROWS_AT_ONCE, "words", 7)
    assert run("predict", GOLDEN / "tag_spans.conll", "-m", SPANS)[1] == whole


def test_a_bad_row_takes_the_tags_from_its_sentence_alone(run) -> None:
    text = "Kawski O\nsailed O\n\nIn O\nMay\n\nIt O\n"
    code, out, err = run("predict", "-", "-m", SPANS, "--input-format", "conll", text=text)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == DATA
    assert [bool(row["prediction"]) for row in rows] == [True, True, False, False, True]
    assert "stdin, line 5: 1 column where the first sentence has 2" in err
    code, out, err = run(
        "predict", "-", "-m", SPANS, "--input-format", "conll", "--on-error", "stop", text=text
    )
    assert (code, err.splitlines()[-2]) == (DATA, "stdin, line 5: 1 column where the first sentence has 2")


def test_probabilities_and_names_of_columns(run) -> None:
    typed = ("--probabilities", "--as", "ner", "--keep", "token")
    _, out, _ = run("predict", GOLDEN / "tag_spans.conll", "-m", SPANS, *typed)
    row = next(csv.DictReader(io.StringIO(out)))
    tags = saved_task(read_model(Path(SPANS))).labels.tags  # type: ignore[attr-defined]
    assert list(row) == ["token", "ner", "ner_probability", *(f"ner_probability_{tag}" for tag in tags)]
    assert sum(float(row[f"ner_probability_{tag}"]) for tag in tags) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        (("--as", "token", "--keep", "token"), "there is a column called 'token' already"),
        (("--keep", "tokn"), "has no column 'tokn'"),
        (("--as", "x", "--format", "conll"), "--as is about columns"),
        (("--probabilities", "--format", "jsonl"), "--probabilities is about columns"),
    ],
)
def test_options_that_make_no_sense(run, typed, what) -> None:
    code, out, err = run("predict", GOLDEN / "tag_spans.conll", "-m", SPANS, *typed)
    assert (code, out) == (USAGE, "")
    assert what in err.splitlines()[-2]


def test_a_classifier_writes_no_conll(run) -> None:
    model = GOLDEN / "classify_words.seqcli"
    code, _, err = run("predict", GOLDEN / "classify_words.csv", "-m", model, "--format", "conll")
    assert code == USAGE
    assert "this model makes none" in err


def test_columns_without_words_are_refused(run) -> None:
    Path("x.csv").write_text("a,b\n1,2\n")
    code, _, err = run("predict", "x.csv", "-m", SPANS)
    assert code == DATA
    assert "x.csv: no column is called 'token'" in err


def test_columns_without_a_header_may_mean_two_things(run) -> None:
    code, _, err = run("predict", "-", "-m", SPANS, text="Ann\tO\nleft\tO\n")
    assert code == DATA
    assert err.splitlines()[-1].startswith("hint: --input-format conll reads a word a line")
    code, out, _ = run("predict", "-", "-m", SPANS, "--input-format", "conll", text="Ann\tO\nleft\tO\n")
    assert [row["token"] for row in csv.DictReader(io.StringIO(out))] == ["Ann", "left"]


def test_a_terminal_gets_a_text_in_colours(run, monkeypatch, capsys) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    for colour, kept in (("", False), ("1", True)):
        monkeypatch.setenv("NO_COLOR", colour)
        monkeypatch.setenv("TERM", "xterm")
        screen = Terminal()
        monkeypatch.setattr("sys.stdout", screen)
        run("predict", "-", "-m", SPANS, text="Kawski Bolak and Velfil met\x1b[2J\n")
        shown = screen.getvalue()
        assert ("\033[" in shown) is not kept
        assert "\x1b[2J" not in shown
        if kept:
            assert shown.startswith("[")


@pytest.mark.parametrize("name", ["IOB1", "IOBES", "BILOU"])
def test_every_spelling_is_learnt_alike_and_written_as_it_was(run, name) -> None:
    from seqcli.tasks.tagging.schemes import IOB2, SCHEMES, find_scheme

    tables = []
    for scheme in (IOB2, SCHEMES[name]):
        write_conll("x.conll", scheme=scheme, between=" ")
        code, out, err = run("train", "x.conll", *TINY, "--force")
        assert code == 0, err
        tables.append(out)
    assert tables[0] == tables[1]
    assert f"in {name}, learnt as IOB2" in err
    task = saved_task(read_model(Path("x.seqcli")))
    assert isinstance(task, Tag)
    assert task.labels.scheme == SCHEMES[name]
    _, out, _ = run("predict", "x.conll", "-m", "x.seqcli", "--keep", "tag", "--format", "conll")
    pairs = [line.split("\t") for line in out.splitlines() if line]
    assert find_scheme([[true for true, _ in pairs]]) == SCHEMES[name]


def test_published_parts_are_used_and_nothing_is_learnt_from_them(run) -> None:
    write_conll("train.conll", 60)
    write_conll("dev.conll", 20)
    Path("test.conll").write_text("Xo\tB-NEW\nran\tO\n\nIn\tO\nMay\tO\n", encoding="utf-8")
    code, out, err = run("train", "train.conll", "--validation", "dev.conll", "--test", "test.conll", *TINY)
    assert code == 0, err
    assert "validation part: 20 sentences of dev.conll" in err
    assert "20 of 20 sentences are training sentences too" in err
    assert "a type not in training" in err
    assert "after the test the network went on" not in err
    first = next(csv.DictReader(io.StringIO(out)))
    assert first["f1"] == "0.0"


def test_tags_are_in_the_column_that_is_asked_for(run) -> None:
    rows = "\n\n".join("\n".join(f"{w} {t[:1]} {t}" for w, t in sentence) for sentence in sentences())
    Path("x.conll").write_text(rows, encoding="utf-8")
    for typed, target in ((("--tag-column", "2"), "column 2"), (("--tag-column", "-1"), "column 3")):
        code, out, _ = run("train", "x.conll", "--dry-run", *typed)
        assert code == 0
        assert f"target {target}; from token" in out
    code, _, err = run("train", "x.conll", "--tag-column", "4")
    assert (code, err.splitlines()[-2]) == (DATA, "x.conll: has 3 columns, and none is number 4")
    code, _, err = run("train", "x.conll", "--tag-column", "colum 2")
    assert err.splitlines()[-1] == "hint: did you mean 'column 2'?"
    code, _, err = run("train", "x.conll", "--tag-column", "token")
    assert "token holds the words" in err


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("".join(f"a{n} O\nb O\n\n" for n in range(30)), "every word has the tag O"),
        ("a X\nb Y\n", "1 sentence with tags cannot be learnt from"),
        ("a\nb\n\n" * 30, "words alone, and no tags to learn"),
        ("a X\nb _\n\n" * 30, "0 sentences with tags cannot be learnt from"),
    ],
)
def test_files_that_teach_nothing(run, text, what) -> None:
    Path("x.conll").write_text(text)
    code, out, err = run("train", "x.conll")
    assert (code, out) == (DATA, "")
    assert what in err.splitlines()[-2]


def test_spans_of_texts_are_learnt_and_come_out_as_they_went_in(run) -> None:
    lines = []
    for sentence in sentences():
        text, spans = "", []
        for word, tag in sentence:
            text += (" " if text else "") + word
            if tag.startswith("B"):
                spans.append([len(text) - len(word), len(text), tag[2:]])
            elif tag.startswith("I"):
                spans[-1][1] = len(text)
        lines.append(json.dumps({"text": text, "spans": spans}))
    Path("x.jsonl").write_text("\n".join(lines))
    code, _, err = run("train", "x.jsonl", *TINY)
    assert code == 0, err
    assert "a row is a text, with spans of it in spans" in err
    code, out, _ = run("evaluate", "x.jsonl", "-m", "x.seqcli", "--format", "json")
    assert code == 0
    write_conll("same.conll")
    code, same, _ = run("evaluate", "same.conll", "-m", "x.seqcli", "--format", "json")
    assert (code, json.loads(same)) == (0, json.loads(out))


def test_lists_of_words_are_learnt(run) -> None:
    pairs = [zip(*sentence, strict=True) for sentence in sentences()]
    lines = [json.dumps({"ner_tags": tags, "tokens": words}) for words, tags in pairs]
    Path("x.jsonl").write_text("\n".join(lines))
    code, out, err = run("train", "x.jsonl", "--dry-run")
    assert code == 0, err
    assert "a list of words in tokens, of tags in ner_tags" in out


def test_a_table_needs_to_say_what_a_sentence_is(run) -> None:
    Path("x.csv").write_text("form,upos\n" + "a,X\nb,Y\n" * 30)
    code, _, err = run("train", "x.csv")
    assert code == DATA
    assert "--id names a column" in err


def damage(name, change):
    """A copy of a golden model whose record was changed, its digests made to fit."""
    from seqcli.model_dir import write_model

    model = read_model(GOLDEN / f"{name}.seqcli")
    record = json.loads(json.dumps(model.record))
    change(record)
    weights = model.weights()
    files = record.pop("files")
    assert files
    target = Path("x.seqcli")
    shutil.rmtree(target, ignore_errors=True)
    write_model(target, record, weights, dict(model.graphs), [], "")
    return target


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("labels", "tags"), ["O"]),
        (("labels", "tags"), ["O", "B-PER", "B-PER"]),
        (("labels", "tags"), ["B-PER", "I-PER", "O"]),
        (("labels", "tags"), ["O", "B-PER", "I-PER"]),
        (("labels", "scheme"), ["IOB9", "-"]),
        (("labels", "scheme"), ["IOB1", "+"]),
        (("labels", "scheme"), 3),
        (("features", "words"), ["a", "a"]),
        (("features", "words"), [1]),
        (("features", "subwords"), {}),
        (("cutter",), {"hyphens": True, "apostrophes": "x"}),
        (("form",), "rows"),
        (("form",), "texts"),
        (("bias",), -1),
        (("bias",), "x"),
    ],
)
def test_a_task_that_was_tampered_with_is_refused(run, path, value) -> None:
    def change(record):
        place = record["task"]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    target = damage("tag_spans", change)
    code, out, err = run("predict", GOLDEN / "tag_spans.conll", "-m", target)
    assert (code, out) == (MODEL, ""), err
    assert len(err.splitlines()) <= 3


def test_a_chain_that_does_not_fit_its_network_is_refused() -> None:
    def change(record):
        record["network"]["chain"] = [[99]] * len(record["network"]["chain"])

    with pytest.raises(ModelError, match="impossible chain"):
        damage("tag_spans", change)


def test_nothing_heavy_is_imported_to_tag(here) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from seqcli.cli.main import main; "
        f"main(['predict', {str(GOLDEN / 'tag_spans.conll')!r}, '-m', {SPANS!r}, '-o', 'out.csv']); "
        "heavy = {'torch', 'pandas', 'sklearn', 'scipy', 'pydantic'} & set(sys.modules); "
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
