"""One example a rule: the table of rules is the documentation, and this is its test."""

from __future__ import annotations

import pytest

from seqcli.errors import DataError
from seqcli.options import ColumnOptions, ReadingOptions
from seqcli.tasks.detect import make_plan
from seqcli.tasks.rules import RULES


def lines(header: str, *rows: str, times: int = 1) -> str:
    return "\n".join([header, *(rows * times)])


DAYS = [f"2024-01-{day:02d}" for day in range(1, 31)]
TEXTS = [f"the {word} thing went {i} ways today" for i in range(15) for word in ("good", "bad")]
SHORT = ["Abel", "Bora", "Cato", "Dido", "Egon", "Fips", "Gabi", "Hugo", "Ivar", "Jens"]

EXAMPLES = {
    "tagged words": (
        "sentence,form,upos\n" + "\n".join(f"1,{name},NOUN" for name in SHORT),
        "tag",
        ("upos",),
    ),
    "audio paths": (
        "path,said\n" + "\n".join(f"a/{name}.wav,{name} speaks" for name in SHORT),
        "transcribe",
        ("said",),
    ),
    "source and target": (
        "source,target\n" + "\n".join(f"{name} geht,{name} goes" for name in SHORT),
        "translate",
        ("target",),
    ),
    "label a base": (
        "sequence,structure\n" + "\n".join(f"{'ACGTT' * 5},{'(..)-' * 5}" for _ in SHORT),
        "steps",
        ("structure",),
    ),
    "several labels": (
        "text,tags\n" + "\n".join(f"{t},{['a|b', 'b', 'a', 'c|b', ''][i % 5]}" for i, t in enumerate(TEXTS)),
        "multilabel",
        ("tags",),
    ),
    "label a step": (
        "id,time,x,activity\n"
        + "\n".join(f"{i // 10},{i % 10},{i * 7 % 13},{'sit walk'.split()[i // 5 % 2]}" for i in range(60)),
        "steps",
        ("activity",),
    ),
    "label word": (
        "text,stars\n" + "\n".join(f"{t},{i % 5}" for i, t in enumerate(TEXTS)),
        "classify",
        ("stars",),
    ),
    "number word": (
        "text,score\n" + "\n".join(f"{t},{i * 1.5}" for i, t in enumerate(TEXTS * 2)),
        "regress",
        ("score",),
    ),
    "series": (
        "date,open,close\n" + "\n".join(f"{day},{i},{i % 7 + 0.5}" for i, day in enumerate(DAYS)),
        "forecast",
        ("close",),
    ),
    "text and classes": (
        "comment,airline,code\n" + "\n".join(f"{t},{SHORT[i % 3]},{i * 7}" for i, t in enumerate(TEXTS)),
        "classify",
        ("airline",),
    ),
    "two strings": (
        "name,country\n" + "\n".join(f"{name}{'xyz'[i]},{'AB'[i % 2]}" for name in SHORT for i in range(3)),
        "classify",
        ("country",),
    ),
    "numbers and classes": (
        "length,width,species\n" + "\n".join(f"{i / 7},{i / 3},{SHORT[i % 3]}" for i in range(30)),
        "classify",
        ("species",),
    ),
    "two texts": (
        "german,english\n" + "\n".join(f"{t} ja,{t} yes" for t in TEXTS),
        "translate",
        ("english",),
    ),
    "one text": ("text\n" + "\n".join(TEXTS), "language", ("text",)),
}


def test_every_rule_has_an_example() -> None:
    assert [rule.name for rule in RULES] == list(EXAMPLES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_example_is_found_by_its_rule(table_of, rule) -> None:
    text, task, target = EXAMPLES[rule.name]
    table = table_of(text)
    assert task == rule.task
    plan = make_plan(table, ColumnOptions(), ReadingOptions())
    assert (plan.task, plan.target) == (task, target)
    assert plan.reasons[0].startswith(f"task {task}: ")


def find(table, **typed):
    return make_plan(table, ColumnOptions(**typed), ReadingOptions())


def test_tagged_words_need_to_know_their_sentences(table_of) -> None:
    with pytest.raises(DataError, match="which words make a sentence is not known") as error:
        find(table_of("form,upos\n" + "\n".join(f"{name},NOUN" for name in SHORT)))
    assert "--id" in error.value.hint


def test_columns_of_tagged_words_are_found_by_their_names_or_typed(table_of) -> None:
    rows = "\n".join(f"{i // 3},{name},NOUN,{name},O" for i, name in enumerate(SHORT))
    table = table_of(f"Sentence #,word,pos,lemma,ner\n{rows}")
    plan = find(table, task="tag")
    assert (plan.id, plan.text, plan.target) == (("Sentence #",), ("word",), ("ner",))
    plan = find(table, tag_column="pos", features=("lemma",))
    assert (plan.text, plan.target) == (("lemma",), ("pos",))
    plan = find(table, task="tag", target=("pos",), id=("lemma",))
    assert (plan.id, plan.target) == (("lemma",), ("pos",))
    with pytest.raises(DataError, match="no column is called 'poss'") as error:
        find(table, tag_column="poss")
    assert error.value.hint == "did you mean 'pos'?"
    with pytest.raises(DataError, match="no column is called like words"):
        find(table_of("a,b\n1,x\n2,y"), task="tag")
    with pytest.raises(DataError, match="no column is called like tags"):
        find(table_of("id,word,b\n1,x,x\n2,y,y"), task="tag")


@pytest.mark.parametrize(
    "name", ["label", "Class", "CATEGORY", "sentiment", "rating", "stars", "score", "target"]
)
def test_label_words_in_any_case(table_of, name) -> None:
    rows = "\n".join(f"{t},{i % 4}" for i, t in enumerate(TEXTS))
    assert find(table_of(f"text,{name}\n{rows}")).target == (name,)


def test_a_label_word_may_end_a_name(table_of) -> None:
    rows = "\n".join(f"{t},{'ab'[i % 2]},{i % 3}" for i, t in enumerate(TEXTS))
    assert find(table_of(f"text,airlineSentiment,day_class_no\n{rows}")).target == ("airlineSentiment",)


def test_label_beats_score_and_equals_are_ambiguous(table_of) -> None:
    rows = "\n".join(f"{t},{i % 2},{i % 3}" for i, t in enumerate(TEXTS))
    assert find(table_of(f"text,score,label\n{rows}")).target == ("label",)
    with pytest.raises(DataError, match="category, sentiment") as error:
        find(table_of(f"text,category,sentiment\n{rows}"))
    assert "--target" in error.value.hint


def test_many_text_classes_are_classes_under_a_label_word(table_of) -> None:
    rows = "\n".join(f"{t} {i},intent{i % 70}" for i, t in enumerate(TEXTS * 24))
    assert find(table_of(f"text,category\n{rows}")).task == "classify"


def test_y_beside_x_is_a_coordinate(table_of) -> None:
    rows = "\n".join(f"{i / 7},{i / 3},{SHORT[i % 3]}" for i in range(30))
    assert find(table_of(f"x,y,activity\n{rows}")).target == ("activity",)


def test_y_over_dates_is_a_series_even_of_few_values(table_of) -> None:
    rows = "\n".join(f"{day},{i % 5}" for i, day in enumerate(DAYS))
    plan = find(table_of(f"ds,y\n{rows}"))
    assert (plan.task, plan.target, plan.time) == ("forecast", ("y",), "ds")


def test_a_label_per_date_beside_measurements_stays_a_label(table_of) -> None:
    rows = "\n".join(f"{day},{i * 0.37},{i % 2}" for i, day in enumerate(DAYS))
    assert find(table_of(f"date,temperature,label\n{rows}")).task == "classify"


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (("volume", "AAPL.Close"), ("AAPL.Close",)),
        (("price", "sales"), ("sales",)),
        (("Adj Close", "last"), ("Adj Close",)),
        (("close", "Adj Close"), ("close",)),
        (("temperature", "pressure"), ("temperature", "pressure")),
    ],
)
def test_forecast_targets_in_order(table_of, names, target) -> None:
    rows = "\n".join(f"{day},{i * i},{50 - i / 3}" for i, day in enumerate(DAYS))
    plan = find(table_of(f"date,{names[0]},{names[1]}\n{rows}"))
    assert plan.target == target
    assert set(plan.target) | set(plan.features) == set(names)


def test_the_only_numbers_are_the_target(table_of) -> None:
    rows = "\n".join(f"{day},{i * i}" for i, day in enumerate(DAYS))
    plan = find(table_of(f"Month,#Passengers\n{rows}"))
    assert plan.target == ("#Passengers",)
    assert "only column of numbers" in plan.reasons[0]


def test_two_columns_of_numbers_are_both_the_target(table_of) -> None:
    rows = "\n".join(f"{day},{i * i},{i * i % 17 + 0.5}" for i, day in enumerate(DAYS))
    plan = find(table_of(f"date,left,right\n{rows}"))
    assert plan.target == ("left", "right")
    assert "both columns of numbers" in plan.reasons[0]


def test_rising_step_numbers_are_time(table_of) -> None:
    rows = "\n".join(f"{2 * i},{i * i % 17 + 0.5}" for i in range(30))
    plan = find(table_of(f"step,load\n{rows}"))
    assert (plan.task, plan.time, plan.target) == ("forecast", "step", ("load",))


def test_a_counter_without_a_time_name_is_no_time(table_of) -> None:
    rows = "\n".join(f"{i},{i / 7},{SHORT[i % 3]}" for i in range(30))
    plan = find(table_of(f"Id,length,Species\n{rows}"))
    assert (plan.task, plan.target, plan.features) == ("classify", ("Species",), ("length",))
    assert ("Id", "it names rows") in plan.left_out


def test_dated_text_with_classes_is_ambiguous(table_of) -> None:
    rows = "\n".join(
        f"{day},{t},{SHORT[i % 3]},{i * i}" for i, (day, t) in enumerate(zip(DAYS, TEXTS, strict=True))
    )
    with pytest.raises(DataError, match="retweets, airline"):
        find(table_of(f"date,text,airline,retweets\n{rows}"))


def test_two_candidates_beside_text_are_ambiguous(table_of) -> None:
    rows = "\n".join(f"{t},{SHORT[i % 3]},{SHORT[i % 4]}" for i, t in enumerate(TEXTS))
    with pytest.raises(DataError, match="airline, airport"):
        find(table_of(f"text,airline,airport\n{rows}"))


def test_nothing_fits(table_of) -> None:
    rows = "\n".join(f"{i * 0.7},{i * i / 3}" for i in range(60))
    with pytest.raises(DataError, match=r"a \(number\), b \(number\)"):
        find(table_of(f"a,b\n{rows}"))


def test_words_that_come_twice_each_are_written_and_not_told_apart(table_of) -> None:
    """A word and its misspellings: far more different words than classes could be."""
    words = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(60)]
    rows = [f"{word}{typo},{word}" for word in words for typo in "xy"]
    plan = make_plan(table_of("wrong,right\n" + "\n".join(rows)), ColumnOptions(), ReadingOptions())
    assert (plan.task, plan.text, plan.target) == ("translate", ("wrong",), ("right",))
    few = [f"{word}{typo},{'kind' + word[-1]}" for word in words for typo in "xyzuvw"]
    plan = make_plan(table_of("name,kind\n" + "\n".join(few)), ColumnOptions(), ReadingOptions())
    assert (plan.task, plan.target) == ("classify", ("kind",))
