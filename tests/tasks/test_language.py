"""A language task: the text of a file exactly, its three parts, its categories, and what it keeps."""

from __future__ import annotations

import json
import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import Options, ReadingOptions
from seqcli.preprocessing.corpus import Corpus
from seqcli.preprocessing.vocabulary import PADDING, UNKNOWN
from seqcli.readers.read import read_table
from seqcli.readers.table import Table
from seqcli.sequences import TARGET
from seqcli.tasks import language_sizes
from seqcli.tasks.base import Plan, Scores, Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.language import Language
from seqcli.tasks.language_sizes import (
    CHARACTERS_A_WEIGHT,
    MOST_PASSES,
    MOST_STREAMS,
    PARALLEL_WORK,
    WORK,
    WORK_A_SECOND,
    choose_text_sizes,
)
from seqcli.tasks.registry import load_task

WORDS = ["the", "red", "fox", "and", "a", "sly", "dog", "met", "one", "old", "owl", "by", "an", "oak"]


def prose(lines, seed=0):
    """Lines of words that come again."""
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, size=rng.integers(3, 9))) + "\n" for _ in range(lines))


def table_of_lines(text, source="corpus.txt"):
    """A table as the reader of text files makes it: blank lines are no rows."""
    lines = text.removesuffix("\n").split("\n")
    kept = [(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    table = Table.from_records(source, ["text"], [(line,) for line, _ in kept], [at for _, at in kept])
    return Table(source, table.names, table.columns, table.records, unit="line")


def prepare(table, validation=None, test=None, **typed):
    options = Options.from_flat(typed)
    plan = make_plan(table, options.columns, options.reading)
    return Language.prepare(Tables(table, validation, test), plan, options)


def written(task, part):
    """The text of a part: its first token, and each target."""
    ids = [*part.past["tokens"][:1].tolist(), *part.past[TARGET].tolist()]
    return task.corpus.decode(ids)


def saved(task):
    return json.dumps(task.to_json(), ensure_ascii=False)


@pytest.fixture(scope="module")
def task():
    return prepare(table_of_lines(prose(100))).task


# ---- the text of a file


LINE = st.text(st.sampled_from("ab ,\t\u00a0ß😀")).filter(lambda line: line.strip() or not line)


@settings(deadline=None)
@given(st.lists(LINE), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_text_is_the_file(task, tmp_path_factory, lines, line_end, ended):
    """Blank lines stand between rows and ahead of them; the last line always ends."""
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    lines = [*lines, "the end"]
    path.write_bytes((line_end.join(lines) + line_end * ended).encode())
    table = read_table([str(path)], ReadingOptions())
    whole = "".join(f"{line}\n" for line in lines)
    assert "".join(task.pieces(table)) == whole
    again = Language(task.plan, Corpus.fit(whole, "characters"))
    assert written(again, again.encode(table)) == whole


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a\n\n\nb\n", "a\n\n\nb\n"),
        (b"\n\na b", "\n\na b\n"),
        (b"a\n  \t\nb\n", "a\n\nb\n"),  # a line of spaces is a blank line
        (b"a\n\n\n", "a\n"),  # nothing follows
        (b"\xef\xbb\xbfa\r\n\r\nb\r\n", "a\n\nb\n"),
        (b"  a  \n\tb", "  a  \n\tb\n"),
        (b'say "so, he"\n"\n', 'say "so, he"\n"\n'),
    ],
)
def test_blank_lines_spaces_and_line_ends(task, tmp_path, content, text):
    (tmp_path / "corpus.txt").write_bytes(content)
    table = read_table([str(tmp_path / "corpus.txt")], ReadingOptions())
    assert "".join(task.pieces(table)) == text


def test_several_files_are_one_text(task, tmp_path):
    contents = {"one": "a\n\nb\n", "two": "\n\n\n\nc\nd", "three": "e\n\n\nf\n"}
    for name, content in contents.items():
        (tmp_path / f"{name}.txt").write_text(content)
    table = read_table([str(tmp_path / f"{name}.txt") for name in contents], ReadingOptions())
    assert "".join(task.pieces(table)) == "a\n\nb\n\n\n\n\nc\nd\ne\n\n\nf\n"


def test_lines_are_text_whatever_the_column_was_called_that_was_learnt_from(task):
    plan = Plan("language", ("remark",), text=("remark",))
    of_a_table = Language(plan, task.corpus)
    text = table_of_lines("the red fox\n\nand a dog\n")
    assert "".join(of_a_table.pieces(text)) == "the red fox\n\nand a dog\n"
    rows = Table.from_records("x.csv", ["other"], [("the",), ("fox",)], [2, 3])
    with pytest.raises(DataError, match="no column is called 'remark'"):
        of_a_table.encode(rows)
    depending = Language(Plan("language", ("remark",), ("kind",), ("remark",)), task.corpus, ("a",))
    with pytest.raises(DataError, match="no column is called"):
        depending.encode(text)


def test_rows_of_a_table_are_lines(table_of):
    csv = 'n,remark\n1,"a, b"\n2,\n3,"c\nd"\n'
    prepared = prepare(
        table_of(csv + "\n".join(f"{i},{line}" for i, line in enumerate(WORDS))), task="language"
    )
    assert written(prepared.task, prepared.test).startswith("a, b\n\nc\nd\nthe\nred\n")


# ---- the split


@settings(deadline=None)
@given(
    st.integers(2_000, 3_000),
    st.sampled_from([(None, None), (0.1, 0.2), (0.0, 0.1), (0.25, 0.0), (0.0, 0.0), (0.333, 0.49)]),
)
def test_parts_are_cut_in_order_to_the_character(length, shares):
    text = (prose(120) * 2)[: length - 1] + "\n"
    typed = dict(zip(("validation_share", "test_share"), shares, strict=True))
    prepared = prepare(
        table_of_lines(text), **{name: share for name, share in typed.items() if share is not None}
    )
    text = "".join(prepared.task.pieces(table_of_lines(text)))  # but for a space on a last blank line
    validation, test = (0.05 if shares[0] is None else shares[0], 0.1 if shares[1] is None else shares[1])
    sizes = round(validation * len(text)), round(test * len(text))
    parts = [written(prepared.task, part) for part in (prepared.train, prepared.validation, prepared.test)]
    assert "".join(parts) == text
    assert (len(parts[1]), len(parts[2])) == sizes
    assert prepared.sizes == tuple(0 if len(part) < 2 else len(part) for part in parts)
    said = f"{len(parts[0]):,} training, {sizes[0]:,} validation, {sizes[1]:,} test characters"
    assert prepared.rules[0] == f"split in the order of the text: {said}"
    assert prepared.unit == "characters"


def test_given_files_are_the_parts():
    main, validation, test = prose(100, 1), prose(20, 2), prose(30, 3)
    tables = [table_of_lines(text) for text in (main, validation, test)]
    prepared = prepare(tables[0], validation=tables[1], test=tables[2])
    assert written(prepared.task, prepared.train) == main
    assert written(prepared.task, prepared.validation) == validation
    assert written(prepared.task, prepared.test) == test
    alone = prepare(tables[0], test=tables[2])
    parts = [written(alone.task, part) for part in (alone.train, alone.validation)]
    assert "".join(parts) == main
    assert len(parts[1]) == round(0.05 * len(main))


def test_a_short_text_with_parts_of_its_own_is_cut():
    short, other = prose(40), prose(3, 5)
    prepared = prepare(table_of_lines(short), validation=table_of_lines(other))
    assert written(prepared.task, prepared.validation) == other
    assert written(prepared.task, prepared.train) + written(prepared.task, prepared.test) == short
    assert len(written(prepared.task, prepared.test)) == round(0.1 * len(short))


def test_shares_that_are_typed_cut_a_short_text_too():
    short = prose(40)
    prepared = prepare(table_of_lines(short), test_share=0.3)
    parts = [written(prepared.task, part) for part in (prepared.train, prepared.validation, prepared.test)]
    assert "".join(parts) == short
    assert [len(part) for part in parts[1:]] == [round(0.05 * len(short)), round(0.3 * len(short))]
    assert prepared.rules[0].startswith("split in the order of the text")


@pytest.mark.parametrize("length", [16, 100, 1_999])
def test_a_short_text_is_a_ring_that_is_learnt_by_heart(length):
    text = prose(100)[: length - 2] + "x\n"
    prepared = prepare(table_of_lines(text))
    for part in (prepared.train, prepared.test):
        tokens, target = part.past["tokens"].tolist(), part.past[TARGET].tolist()
        assert prepared.task.corpus.decode(tokens) == text
        assert target == [*tokens[1:], tokens[0]]
    assert len(prepared.validation) == 0
    assert "learnt by heart" in prepared.rules[0]
    assert prepared.rules[0].startswith(f"{length:,} characters")
    assert "steps" in prepared.training
    assert "patience" not in prepared.training


def test_two_thousand_characters_are_cut():
    assert len(prepare(table_of_lines(prose(200)[:1_998] + "x\n")).validation) > 0


def test_every_word_of_a_text_learnt_by_heart_is_known():
    prepared = prepare(table_of_lines("alpha beta gamma delta\n"), level="words")
    assert (prepared.train.past[TARGET] != UNKNOWN).all()
    assert prepared.task.unit == "word"
    assert prepared.sizes == (5, 0, 5)


# ---- categories


def names(count=240):
    """(name, language) whose endings differ."""
    rng = np.random.default_rng(0)
    endings = {"Czech": "ova", "Italian": "etti", "Swedish": "sson"}
    for k in range(count):
        language = list(endings)[k % 3]
        yield "".join(rng.choice(list("BCDFGabdeiou"), size=6)) + endings[language], language


@pytest.fixture(scope="module")
def people():
    return Table.from_records("names.csv", ["name", "language"], list(names()), range(2, 242))


def category_of_rows(prepared, part):
    """(text, the conditions that its letters stand under) of each whole row of a part."""
    task, ids = prepared.task, part.past[TARGET]
    text = task.corpus.decode(ids.tolist())
    conditions, found, start = part.past["condition"].tolist(), [], 0
    for end in (place + 1 for place, letter in enumerate(text) if letter == "\n"):
        found.append((text[start : end - 1], {task.conditions[i - 2] for i in conditions[start:end]}))
        start = end
    return found[1:]  # the first row lacks its first letter


def test_each_part_holds_each_category_and_a_token_stands_under_its_own_row(people):
    prepared = prepare(people, condition="language", validation_share=0.2, test_share=0.2)
    assert prepared.task.conditions == ("Czech", "Italian", "Swedish")
    languages, seen = dict(names()), []
    for part in (prepared.train, prepared.validation, prepared.test):
        rows = category_of_rows(prepared, part)
        assert all(conditions == {languages[name]} for name, conditions in rows)
        counts = Counter(languages[name] for name, _ in rows)
        assert min(counts.values()) > 0.2 * len(rows)
        assert len(counts) == 3
        assert [name for name, _ in rows] != sorted([name for name, _ in rows], key=list(languages).index)
        seen += [name for name, _ in rows]
    assert len(set(seen)) == len(seen) >= 240 - 3
    assert prepared.rules[0].startswith("split drawn by category: ")


def test_a_row_without_a_category_is_one_of_an_unknown_one():
    rows = [(name, "" if place % 5 == 0 else language) for place, (name, language) in enumerate(names())]
    table = Table.from_records("names.csv", ["name", "language"], rows, range(2, 2 + len(rows)))
    prepared = prepare(table, condition="language")
    assert prepared.task.conditions == ("Czech", "Italian", "Swedish")
    assert UNKNOWN in prepared.train.past["condition"]
    assert load_task(json.loads(json.dumps({"name": "language.v1", **prepared.task.to_json()})))


def test_the_network_reads_the_category_beside_the_token(people):
    spec = prepare(people, condition="language").network
    assert [(item.field, item.kind) for item in spec.inputs] == [
        ("tokens", "tokens"),
        ("condition", "tokens"),
    ]
    assert spec.inputs[1].size == 3 + 2
    assert spec.output_shape == (spec.inputs[0].size,)


def test_a_ring_of_rows_gives_the_last_token_to_the_first_row():
    rows = [("Anova", "Czech"), ("Betti", "Italian"), ("Cova", "Czech"), ("Ditti", "Italian")]
    prepared = prepare(Table.from_records("n.csv", ["name", "of"], rows, range(2, 6)), condition="of")
    target, conditions = (prepared.train.past[name].tolist() for name in (TARGET, "condition"))
    assert prepared.task.corpus.decode(target) == "nova\nBetti\nCova\nDitti\nA"
    assert conditions == [2] * 5 + [3] * 6 + [2] * 5 + [3] * 6 + [2]


def test_equal_rows_stay_in_one_part():
    rows = [
        (f"{name}{k // 2}", kind) for k, (name, kind) in enumerate(zip(WORDS * 20, "ab" * 140, strict=True))
    ]
    table = Table.from_records("n.csv", ["name", "of"], rows + rows, range(2, 2 + 2 * len(rows)))
    prepared = prepare(table, condition="of")
    parts = [
        {name for name, _ in category_of_rows(prepared, part)}
        for part in (prepared.train, prepared.validation, prepared.test)
    ]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_a_value_that_training_never_saw_is_unknown(people):
    task = prepare(people, condition="language").task
    assert task.condition_ids(["Swedish", "Czech", "Greek", ""]).tolist() == [4, 2, UNKNOWN, UNKNOWN]
    other = Table.from_records("n.csv", ["name", "language"], [("ab", "Greek"), ("c", " Czech ")], [2, 3])
    assert task.encode(other).past["condition"].tolist() == [1, 1, 2, 2]


def test_the_category_must_be_there(people):
    task = prepare(people, condition="language").task
    with pytest.raises(DataError, match="no column is called 'language'"):
        task.encode(Table.from_records("n.csv", ["name"], [("ab",)], [2]))


def test_too_few_rows_of_categories_are_refused_with_the_file():
    rows = [("x" * 1200, "a"), ("x" * 1200, "b"), ("x" * 1200, "a"), ("x" * 1200, "b")]
    with pytest.raises(DataError, match=r"n\.csv: 1 independent group"):
        prepare(Table.from_records("n.csv", ["name", "of"], rows, range(2, 6)), condition="of")


# ---- what is fitted sees the training part alone


TEXT = prose(100)
CUT = len(TEXT) - round(0.1 * len(TEXT)) - round(0.05 * len(TEXT))


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(["characters", "words"]),
    st.dictionaries(st.integers(CUT, len(TEXT) - 2), st.sampled_from("aeZ7Ω😀.'"), min_size=1),
)
def test_editing_held_out_characters_leaves_the_saved_preprocessing_as_it_was(level, edits):
    letters = list(TEXT)
    for place, letter in edits.items():
        letters[place] = letter
    prepared, edited = (prepare(table_of_lines(text), level=level) for text in (TEXT, "".join(letters)))
    assert saved(edited.task) == saved(prepared.task)
    for name, values in prepared.train.past.items():
        np.testing.assert_array_equal(edited.train.past[name], values)


@settings(deadline=None, max_examples=25)
@given(
    st.text(st.sampled_from("ab Ω\n😀"), min_size=1).filter(str.strip),
    st.sampled_from(["validation", "test"]),
)
def test_editing_a_given_file_leaves_the_saved_preprocessing_as_it_was(text, part):
    tables = {name: table_of_lines("some other text\n") for name in ("validation", "test")}
    prepared = prepare(table_of_lines(TEXT), **tables)
    edited = prepare(table_of_lines(TEXT), **{**tables, part: table_of_lines(text)})
    assert saved(edited.task) == saved(prepared.task)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_editing_held_out_rows_of_categories_leaves_it_too(people, data):
    prepared = prepare(people, condition="language")
    rows = category_of_rows(prepared, prepared.validation) + category_of_rows(prepared, prepared.test)
    chosen = data.draw(st.sets(st.sampled_from([name for name, _ in rows]), min_size=1))
    cells = [(f"{name[::-1]}Ω" if name in chosen else name, language) for name, language in names()]
    edited = prepare(
        Table.from_records("names.csv", people.names, cells, range(2, 242)), condition="language"
    )
    held_out = written(edited.task, edited.validation) + written(edited.task, edited.test)
    assert held_out.count("\N{REPLACEMENT CHARACTER}") == len(chosen)  # no Ω in training
    assert saved(edited.task) == saved(prepared.task)


def test_editing_a_training_character_changes_it():
    changed = TEXT[: CUT - 1] + "Ω" + TEXT[CUT:]
    assert saved(prepare(table_of_lines(changed)).task) != saved(prepare(table_of_lines(TEXT)).task)


# ---- what is kept, and read again


def test_a_task_survives_json(people):
    for prepared in (prepare(people, condition="language"), prepare(table_of_lines(TEXT), level="words")):
        restored = load_task(json.loads(json.dumps(prepared.task.to_json())))
        assert restored == prepared.task
        table = people if prepared.task.conditions else table_of_lines(TEXT)
        for name, values in prepared.task.encode(table).past.items():
            np.testing.assert_array_equal(restored.encode(table).past[name], values)


def without(data, *path):
    """A copy of nested dictionaries that lacks one entry."""
    return {
        key: without(value, *path[1:]) if key == path[0] and path[1:] else value
        for key, value in data.items()
        if key != path[0] or path[1:]
    }


BROKEN = {
    "plan": [None, {}, [], "language", 7],
    "corpus": [None, {}, [], "abc", {"name": "corpus.v1", "level": "characters", "tokens": []}],
    "conditions": [None, 7, "ab", {"a": 1}, [1, 2], ["a", None], ["a", "a"], [], [["a"]]],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in BROKEN.items() for value in values]
)
def test_broken_json_is_a_model_error(people, key, value):
    good = prepare(people, condition="language").task.to_json()
    with pytest.raises(ModelError):
        Language.from_json({**good, key: value})


@pytest.mark.parametrize(
    "change",
    [
        {"text": []},
        {"text": ["name", "language"]},
        {"features": []},
        {"features": ["language", "name"]},
        {"features": None},
        {"text": 5},
        {"left_out": [["a"]]},
        {"time": [], "left_out": None},
    ],
)
def test_a_plan_of_other_columns_is_a_model_error(people, change):
    good = prepare(people, condition="language").task.to_json()
    with pytest.raises(ModelError):
        Language.from_json({**good, "plan": {**good["plan"], **change}})


@pytest.mark.parametrize(
    "path", [("plan",), ("corpus",), ("conditions",), ("plan", "text"), ("corpus", "level")]
)
def test_a_missing_key_is_a_model_error(people, path):
    good = prepare(people, condition="language").task.to_json()
    with pytest.raises(ModelError):
        Language.from_json(without(good, *path))


def test_conditions_without_a_column_are_a_model_error(task):
    with pytest.raises(ModelError):
        Language.from_json({**task.to_json(), "conditions": ["a", "b"]})


@pytest.mark.parametrize("data", [None, [], "language.v1", 3])
def test_what_is_no_object_is_a_model_error(data):
    with pytest.raises(ModelError):
        Language.from_json(data)


# ---- refusals


def test_a_network_that_reads_what_follows_is_refused():
    with pytest.raises(UsageError, match="could only copy it") as error:
        prepare(table_of_lines(TEXT), bidirectional=True)
    assert "--bidirectional" in error.value.hint
    assert not prepare(table_of_lines(TEXT), bidirectional=False).network.bidirectional


def test_dropout_by_numpy_is_refused():
    with pytest.raises(UsageError, match="NumPy network has no dropout") as error:
        prepare(table_of_lines(TEXT), backend="numpy", dropout=0.2)
    assert "--dropout" in error.value.hint
    assert prepare(table_of_lines(TEXT), backend="numpy").network.dropout == 0
    assert prepare(table_of_lines(TEXT), backend="numpy", dropout=0.0).network.dropout == 0


def test_too_few_characters_are_refused_with_the_number_needed():
    with pytest.raises(DataError, match="15 characters of text are too few") as error:
        prepare(table_of_lines("x" * 14))
    assert "16" in error.value.hint
    assert prepare(table_of_lines("x" * 15)).sizes == (16, 0, 16)


@pytest.mark.parametrize(
    ("text", "typed", "sentence"),
    [
        ("ACGT" * 1000, {}, "training part has fewer than two words"),
        ("ACGT 12 \n" * 500, {"validation_share": 0.4999, "test_share": 0.4999}, "fewer than two words"),
        (" ".join(f"word{k}" for k in range(300)), {}, "no word of the .* comes twice"),
        ("\n".join(f"word{k}" for k in range(300)), {}, "no word of the .* comes twice"),
    ],
)
def test_a_text_without_words_is_refused(text, typed, sentence):
    with pytest.raises(DataError, match=sentence) as error:
        prepare(table_of_lines(text), level="words", **typed)
    assert "--level characters" in error.value.hint


# ---- what is said


def test_many_unknown_tokens_are_said():
    strange = prepare(
        table_of_lines(TEXT), test=table_of_lines("ΩΩΩ the fox\n"), validation=table_of_lines("fox\n")
    )
    assert strange.warnings == ["18.2 % of the characters of the test part are unknown"]
    assert prepare(table_of_lines(TEXT)).warnings == []


def test_columns_that_are_left_out_are_said(table_of):
    table = table_of("n,remark\n" + "\n".join(f"{i},{line}" for i, line in enumerate(TEXT.splitlines())))
    assert prepare(table, task="language").warnings == [
        "column n is left out: a language model reads one text"
    ]


def test_the_report_sets_predictors_side_by_side(task):
    nats = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, np.nan]], dtype=np.float32)
    scores = [Scores("gru", task.score(nats, None)), Scores("unigram", {"nats": 3.0, "bits": 4.0})]
    (table,) = task.report(scores, nats, None)
    assert table.title == "3 test characters"
    names = [column.name for column in table.columns]
    assert names == ["predictor", "nats", "blk64", "bits", "perplexity"]
    assert table.rows[0] == ("gru", 2.0, None, pytest.approx(2 / np.log(2)), pytest.approx(np.exp(2)))
    assert table.rows[1] == ("unigram", 3.0, None, 4.0, None)


def test_baselines_are_counted_in_the_training_part():
    prepared = prepare(table_of_lines(TEXT))
    ngram, unigram = prepared.task.baselines(prepared)
    assert ngram.predictor.endswith("-gram")
    assert 0 < ngram.values["nats"] < unigram.values["nats"] < np.log(prepared.task.corpus.size)
    assert "blk64" not in ngram.values
    empty = prepare(table_of_lines(TEXT), test_share=0.0, validation_share=0.0)
    assert all(np.isnan(score.values["nats"]) for score in empty.task.baselines(empty))


def test_nothing_is_learnt_after_training(task):
    nats = np.zeros((0, 2), dtype=np.float32)
    assert task.calibrate(nats, None) is task
    assert task.recalibrate([]) is task
    assert task.metric in task.score(np.ones((3, 2), dtype=np.float32), None)
    assert not task.higher_is_better


def test_a_text_is_written_after_a_line_break(task):
    assert task.corpus.decode(task.opening().tolist()) == "\n"
    never = Language(task.plan, Corpus.fit("no break", "characters"))
    assert never.opening().tolist() == [PADDING]


# ---- sizes by rule


def sizes(text, **typed):
    prepared = prepare(table_of_lines(text), **typed)
    return prepared.network, prepared.training


@pytest.mark.parametrize("length", [10**6, 10**7, 10**8])
def test_a_training_takes_as_long_whatever_there_is_to_read(length):
    """In the multiplications of what is read; a large vocabulary costs most of them, at the head."""
    characters = Corpus("characters", tuple("abcdefghijklmnopqrstuvwxyz"))
    words = Corpus("words", tuple(f" w{number}" for number in range(9_000)))
    for corpus, embedding in ((characters, 64), (words, 128)):
        typed = Options.from_flat({"cell": "gru"})
        training = choose_text_sizes(length, corpus, typed, by_heart=False).training
        a_step = 64 * 16 * (3 * 256 * (embedding + 256) + 256 * corpus.size)
        steps = training.get("steps") or training["epochs"] * length / (64 * 16)
        assert 0.9 * WORK < steps * a_step < 2 * WORK  # a last pass is read whole


@pytest.mark.parametrize("lines", [100, 1_000, 8_000])
def test_usual_sizes_follow_the_length_of_the_text(lines):
    prepared = prepare(table_of_lines(prose(lines)), cell="gru")
    network, training, length = prepared.network, prepared.training, prepared.sizes[0]
    assert (network.cell, network.num_layers, network.pool, network.streams) == ("gru", 1, "none", True)
    assert (network.hidden_size, network.inputs[0].embedding_size) == (256, 64)
    assert training["bptt"] == 64
    assert training["batch_size"] == min(length // (8 * 64), MOST_STREAMS)
    a_token = 3 * 256 * (64 + 256) + 256 * network.output_shape[0]
    assert training["epochs"] == math.ceil(min(WORK / (length * a_token), MOST_PASSES))
    assert "steps" not in training
    assert 4 <= training["patience"] < training["epochs"]
    assert training["learning_rate"] < 0.02


def test_a_text_learnt_by_heart_gets_a_small_network_and_short_pieces():
    network, training = sizes(prose(10))
    assert (network.hidden_size, network.dropout) == (64, 0.0)
    assert (training["bptt"], training["steps"]) == (25, 4_000)
    assert "epochs" not in training
    assert sizes("a b c d e f g h\n", level="words")[1]["bptt"] == 9


def test_words_get_wider_vectors():
    assert sizes(TEXT, level="words", cell="gru")[0].inputs[0].embedding_size == 128


def test_the_usual_cell_is_the_one_that_was_measured_better_and_that_is_said():
    prepared = prepare(table_of_lines(prose(100)))
    network = prepared.network
    assert (network.cell, network.num_layers) == ("mingru", 2)
    assert network.inputs[0].embedding_size == network.hidden_size  # a block reads it as it is
    assert "cell mingru: ahead of lstm in half a minute, of gru in two" in prepared.task.plan.reasons[-1]
    for typed in ({"cell": "lstm"}, {"backend": "numpy"}):
        assert not any(
            "measured" in reason for reason in prepare(table_of_lines(prose(100)), **typed).task.plan.reasons
        )


@pytest.mark.parametrize(("cell", "matrices"), [("mingru", 8), ("minlstm", 9), ("mamba", 9)])
@pytest.mark.parametrize("seconds", [30, 60, 180, 600])
def test_a_block_is_as_wide_as_the_time_can_teach(cell, matrices, seconds):
    """Of a long text as many weights as a sixth of the characters that are read, 32 units more or less."""
    corpus = Corpus("characters", tuple("abcdefghijklmnopqrstuvwxyz"))
    typed = Options.from_flat({"cell": cell, "time_budget": seconds})
    found = choose_text_sizes(10**8, corpus, typed, by_heart=False)
    work = seconds * WORK_A_SECOND * PARALLEL_WORK
    for width, enough in ((found.hidden_size, True), (found.hidden_size + 32, False)):
        weights = 2 * matrices * width**2
        assert (work / weights >= CHARACTERS_A_WEIGHT * weights) == enough
    assert found.training["learning_rate"] <= 4e-3


@pytest.mark.parametrize(("length", "width"), [(10**5, 192), (10**6, 224), (10**7, 192)])
def test_a_text_that_would_be_read_over_and_over_gets_wider_layers(length, width):
    corpus = Corpus("characters", tuple("abcdefghijklmnopqrstuvwxyz"))
    typed = Options.from_flat({"time_budget": 180})
    assert choose_text_sizes(length, corpus, typed, by_heart=False).hidden_size == width


@pytest.mark.parametrize(
    ("length", "seconds", "dropout"), [(10**6, 60, 0.1), (10**7, 60, 0.0), (10**5, 60, 0.3)]
)
def test_more_is_dropped_the_more_often_a_text_is_read(length, seconds, dropout):
    corpus = Corpus("characters", tuple("abcdefghijklmnopqrstuvwxyz"))
    typed = Options.from_flat({"time_budget": seconds})
    found = choose_text_sizes(length, corpus, typed, by_heart=False)
    assert (found.dropout, found.embedding_dropout) == (dropout, 0.0)
    typed = Options.from_flat({"time_budget": seconds, "embedding_dropout": 0.2, "dropout": 0.05})
    found = choose_text_sizes(length, corpus, typed, by_heart=False)
    assert (found.dropout, found.embedding_dropout) == (0.05, 0.2)


def test_what_goes_on_from_a_model_has_its_cell_and_sizes(monkeypatch):
    text = table_of_lines(prose(100))
    model = SimpleNamespace(network=prepare(text, cell="lstm", hidden_size=12, num_layers=2).network)
    monkeypatch.setattr(language_sizes, "read_model", lambda path: model)
    network = prepare(text, init_from="a.seqcli").network
    assert (network.cell, network.hidden_size, network.num_layers) == ("lstm", 12, 2)
    assert prepare(text, init_from="a.seqcli", cell="gru").network.cell == "gru"


@pytest.mark.parametrize(
    ("typed", "optimizer"),
    [
        ({}, "adamw"),
        ({"backend": "numpy"}, "adagrad"),
        ({"backend": "numpy", "optimizer": "adam"}, "adam"),
        ({"optimizer": "adagrad"}, "adagrad"),
    ],
)
def test_the_learning_rate_goes_with_the_optimizer(typed, optimizer):
    """Steps of Adagrad shrink with time; those of Adam keep their size, and must be small from the start."""
    training = sizes(TEXT, **typed)[1]
    assert training["optimizer"] == optimizer
    usual = sizes(TEXT, **{**typed, "optimizer": "adamw"})[1]["learning_rate"]
    assert 0 < usual <= 5e-3
    assert training["learning_rate"] == (0.1 if optimizer == "adagrad" else usual)


def test_typed_sizes_win():
    network, training = sizes(
        TEXT,
        cell="lstm",
        hidden_size=7,
        num_layers=2,
        embedding_size=5,
        dropout=0.3,
        init="torch",
        bptt=9,
        batch_size=4,
    )
    assert (network.cell, network.hidden_size, network.num_layers, network.init) == ("lstm", 7, 2, "torch")
    assert (network.inputs[0].embedding_size, network.dropout) == (5, 0.3)
    assert (training["bptt"], training["batch_size"]) == (9, 4)


def test_the_plan_is_the_one_that_was_found(people):
    prepared = prepare(people, condition="language")
    assert isinstance(prepared.task.plan, Plan)
    assert prepared.task.plan.features == ("language",)
