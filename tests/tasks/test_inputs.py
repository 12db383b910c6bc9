from __future__ import annotations

import json

import numpy as np
import pytest

from seqcli.errors import ModelError
from seqcli.options import ColumnOptions, Options
from seqcli.sequences import Sequences
from seqcli.tasks.base import Plan
from seqcli.tasks.inputs import Inputs, content_keys, group_rows


def fit(table, options=None, **plan):
    return Inputs.fit(table, Plan("classify", ("label",), **plan), options or Options())


def test_rows_are_grouped_by_id_in_order_of_appearance_and_sorted_by_time(table_of) -> None:
    table = table_of("id,t,x\nb,2,1\na,1,2\nb,1,3\na,3,4\na,2,5\n")
    grouping = group_rows(table, ("id",), "t")
    assert grouping.order.tolist() == [2, 0, 1, 4, 3]
    assert grouping.offsets.tolist() == [0, 2, 5]
    assert grouping.first.tolist() == [2, 1]
    assert grouping.rows(np.array([1, 0])).tolist() == [1, 4, 3, 2, 0]
    assert group_rows(table, ("id",), None).order.tolist() == [0, 2, 1, 3, 4]
    assert group_rows(table, (), None).first.tolist() == [0, 1, 2, 3, 4]


def test_dates_sort_as_dates(table_of) -> None:
    table = table_of("id,day,x\na,10.02.2024,1\na,09.03.2024,2\na,11.01.2024,3\n")
    assert group_rows(table, ("id",), "day").order.tolist() == [2, 0, 1]


def test_words_for_long_texts_and_characters_for_short_ones(table_of) -> None:
    long, rules = fit(table_of("text,label\nthe end is near,1\nthe start is far,2\n"), text=("text",))
    assert long.vocabulary.level == "words"
    assert any("words" in rule for rule in rules)
    short, _ = fit(table_of("text,label\nAnna,1\nBert,2\n"), text=("text",))
    assert short.vocabulary.level == "characters"
    typed = Options(columns=ColumnOptions(level="words"))
    assert fit(table_of("text,label\nAnna,1\nBert,2\n"), typed, text=("text",))[0].vocabulary.level == "words"


def test_several_texts_are_read_one_after_another(table_of) -> None:
    table = table_of("title,body,label\nbig news,all is well,1\nsmall news,all is lost,2\n")
    inputs, _ = fit(table, text=("title", "body"))
    tokens = inputs.encode(table)[0].fields["tokens"]
    assert tokens.lengths.tolist() == [5, 5]
    assert inputs.only_text == ""
    assert inputs.columns == ("title", "body")


def test_long_texts_are_cut_and_it_is_said(table_of) -> None:
    rows = "\n".join(["a b c d,1"] * 99 + ["a " * 30 + ",2"])
    table = table_of(f"text,label\n{rows}")
    inputs, rules = fit(table, text=("text",))
    lengths = inputs.encode(table)[0].lengths
    assert inputs.max_length == lengths.max() < 30
    assert lengths.sum() >= 0.99 * (99 * 4 + 30)
    assert any("cut after" in rule for rule in rules)


def test_text_and_columns_go_side_by_side(table_of) -> None:
    table = table_of("text,votes,label\nit was very good,1,1\nit was very bad,3,2\n")
    inputs, _ = fit(table, text=("text",), features=("votes",))
    examples = inputs.encode(table)[0]
    assert examples.fields["dense"].tolist() == [[-1.0], [1.0]]
    kinds = [(spec.field, spec.kind, spec.size, spec.embedding_size) for spec in inputs.specs(16)]
    assert kinds == [
        ("tokens", "tokens", inputs.vocabulary.size, 16),
        ("parts", "bags", 501, 8),
        ("dense", "dense", 1, 0),
    ]


def test_rows_of_features_are_sequences_of_length_one(table_of) -> None:
    table = table_of("x,y,label\n1,5,a\n3,5,b\n")
    inputs, _ = fit(table, features=("x", "y"))
    examples = inputs.encode(table)[0]
    assert examples.lengths.tolist() == [1, 1]
    np.testing.assert_array_equal(examples.fields["values"].values, [[-1, 0], [1, 0]])


def test_rows_of_one_id_are_one_sequence_in_time(table_of) -> None:
    table = table_of("id,t,x,label\nb,2,1,p\na,1,2,q\nb,1,3,p\na,2,4,q\n")
    inputs, _ = fit(table, features=("x",), id=("id",), time="t")
    examples = inputs.encode(table)[0]
    values = examples.fields["values"]
    assert isinstance(values, Sequences)
    restored = inputs.features.scaler.inverse(values.values).ravel()
    np.testing.assert_allclose(restored, [3, 1, 2, 4], atol=1e-6)
    assert examples.row_ids.tolist() == [2, 1]
    assert inputs.columns == ("x", "id", "t")


def test_a_fit_sees_the_rows_it_is_given_and_nothing_else(table_of) -> None:
    whole = table_of(
        "x,text,label\n1,one two three four,a\n3,five six seven eight,b\n1000,nine ten eleven oh,b\n"
    )
    train = whole.take(np.array([0, 1]))
    inputs, _ = fit(train, text=("text",), features=("x",))
    alone, _ = fit(
        table_of("x,text,label\n1,one two three four,a\n3,five six seven eight,b\n"),
        text=("text",),
        features=("x",),
    )
    assert json.dumps(inputs.to_json()) == json.dumps(alone.to_json())


def test_equal_contents_have_equal_keys_unless_all_rows_are_alike(table_of) -> None:
    table = table_of("text,x,label\na ,1,p\na,1,q\nb,2,p\nc,2,q\n")
    keys = content_keys(table, ("text", "x"), group_rows(table, (), None))
    assert [keys.index(key) for key in keys] == [0, 0, 2, 3]
    few = table_of("x,label\n" + "1,p\n2,q\n" * 5)
    assert content_keys(few, ("x",), group_rows(few, (), None)) is None


def test_inputs_survive_json(table_of) -> None:
    table = table_of("text,votes,label\nit was very good,1,1\nit was very bad,3,2\n")
    inputs, _ = fit(table, text=("text",), features=("votes",))
    data = json.loads(json.dumps(inputs.to_json()))
    assert Inputs.from_json(data) == inputs
    for broken in ({**data, "text": []}, {**data, "vocabulary": None}, {}, {**data, "max_length": "x"}):
        with pytest.raises(ModelError):
            Inputs.from_json(broken)


def test_words_have_their_parts_and_characters_the_runs_that_end_there(table_of) -> None:
    table = table_of("text,label\nit was very good,1\nit was very bad indeed,2\n,1\n")
    inputs, rules = fit(table, text=("text",))
    examples = inputs.encode(table)[0]
    assert any("by their parts" in rule for rule in rules)
    assert examples.lengths.tolist() == [4, 5, 1]
    parts = examples.batch(np.array([1, 2]))["parts"]
    assert parts.shape == (2, 5, inputs.subwords.most)
    assert np.array_equal(parts[0, 4], inputs.subwords.ids("indeed"))  # in no vocabulary
    assert not parts[1].any()
    restored = Inputs.from_json(json.loads(json.dumps(inputs.to_json())))
    assert restored == inputs
    names, rules = fit(table_of("text,label\nAnna,1\nBert,2\n"), text=("text",))
    assert any("characters are read with" in rule for rule in rules)
    assert Inputs.from_json(json.loads(json.dumps(names.to_json()))) == names
    typed = Options.from_flat({"subwords": False})
    alone, _ = fit(table, typed, text=("text",))
    assert alone.subwords is None
    assert "subwords" not in alone.to_json()
    data = inputs.to_json()
    for broken in ({**data, "subwords": {"name": "x"}}, {**data, "subwords": [1]}):
        with pytest.raises(ModelError):
            Inputs.from_json(broken)


def test_many_texts_are_read_in_pieces(table_of, monkeypatch) -> None:
    import seqcli.tasks.inputs as module

    rows = [f"word{i} and word{i % 3} more or less of it,{i % 2}" for i in range(20)]
    table = table_of("text,label\n" + "\n".join(rows))
    inputs, _ = fit(table, text=("text",))
    whole = inputs.encode(table)[0].batch(np.arange(20))
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 7)
    pieces = inputs.encode(table)[0].batch(np.arange(20))
    for name, values in whole.items():
        np.testing.assert_array_equal(pieces[name], values)
