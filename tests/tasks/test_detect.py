"""What a user types comes before the rules; ids, times and inputs follow from the columns."""

from __future__ import annotations

import pytest

from seqcli.errors import DataError
from seqcli.options import ColumnOptions, ReadingOptions
from seqcli.tasks.base import Plan
from seqcli.tasks.detect import make_plan

DAYS = [f"2024-01-{day:02d}" for day in range(1, 31)]
WORDS = ["red", "green", "blue"]


def find(table, reading=None, **typed):
    return make_plan(table, ColumnOptions(**typed), reading or ReadingOptions())


@pytest.fixture
def reviews(table_of):
    rows = "\n".join(
        f"the {WORDS[i % 3]} one number {i} was {i % 2},{i % 2},{i},{WORDS[i % 3]}" for i in range(40)
    )
    return table_of(f"review,label,votes,shop\n{rows}")


def test_text_features_and_categories_are_told_apart(reviews) -> None:
    plan = find(reviews)
    assert plan.text == ("review",)
    assert plan.features == ("shop",)
    assert plan.left_out == (("votes", "it names rows"),)


def test_typed_features_bring_columns_back(reviews) -> None:
    plan = find(reviews, features=("votes", "review"))
    assert (plan.text, plan.features, plan.left_out) == (("review",), ("votes",), ())


def test_typed_target_and_task(reviews) -> None:
    assert find(reviews, target=("shop",)).task == "classify"
    assert find(reviews, target=("votes",)).task == "regress"
    plan = find(reviews, task="regress", target=("label",))
    assert (plan.task, plan.target) == ("regress", ("label",))


@pytest.mark.parametrize("typed", [{"target": ("lable",)}, {"features": ("lable",)}, {"group": "lable"}])
def test_an_unknown_column_gets_a_near_miss(reviews, typed) -> None:
    with pytest.raises(DataError, match="lable") as error:
        find(reviews, **typed)
    assert "label" in error.value.hint


def test_group_is_no_input(reviews) -> None:
    plan = find(reviews, group="shop")
    assert plan.group == "shop"
    assert "shop" not in plan.features


def test_typed_task_without_any_candidate(reviews, table_of) -> None:
    with pytest.raises(DataError, match="no rule"):
        find(table_of("a,b\n" + "\n".join(f"{i * 0.7},{i * i / 3}" for i in range(60))), task="classify")
    with pytest.raises(DataError, match="could be the target: a, b"):
        find(table_of("a,b\n" + "\n".join(f"{i * 0.7},{i * i / 3}" for i in range(60))), task="regress")


def test_forecast_without_a_time_takes_rows_in_order(table_of) -> None:
    plan = find(table_of("load\n" + "\n".join(str(i * i % 13 + 0.5) for i in range(60))), task="forecast")
    assert (plan.task, plan.target, plan.time) == ("forecast", ("load",), None)
    assert "in order" in plan.reasons[-1]


def test_several_targets_mean_forecast(table_of) -> None:
    rows = "\n".join(f"{day},{i * 1.5},{i * i}" for i, day in enumerate(DAYS))
    assert find(table_of(f"date,a,b\n{rows}"), target=("a", "b")).target == ("a", "b")
    with pytest.raises(DataError, match="one target"):
        find(table_of(f"date,a,b\n{rows}"), target=("a", "b"), task="regress")


def test_forecasting_strings_is_refused(table_of) -> None:
    rows = "\n".join(f"{day},{WORDS[i % 3]}" for i, day in enumerate(DAYS))
    with pytest.raises(DataError, match="column colour: not numbers"):
        find(table_of(f"date,colour\n{rows}"), target=("colour",), task="forecast")


def panel(ids, extra=""):
    rows = [
        f"{day},{','.join(map(str, key))},{i * 3 + len(str(key)) * 0.5}"
        for i, day in enumerate(DAYS)
        for key in ids
    ]
    return "\n".join(rows)


def test_an_id_is_found_where_dates_repeat(table_of) -> None:
    plan = find(table_of("date,ticker,close\n" + panel([("A",), ("B",), ("C",)])))
    assert plan.id == ("ticker",)
    assert any("series by ticker" in reason for reason in plan.reasons)


def test_a_store_number_is_an_id_but_a_measurement_is_not(table_of) -> None:
    rows = "\n".join(f"{day},{shop},{i * 10 + shop}" for i, day in enumerate(DAYS) for shop in (1, 2, 3))
    assert find(table_of(f"date,store,visits\n{rows}")).id == ("store",)
    rows = "\n".join(f"{day},{i * 10 + k}" for i, day in enumerate(DAYS) for k in (1, 2, 3))
    with pytest.raises(DataError, match="comes more than once"):
        find(table_of(f"date,visits\n{rows}"))


def test_a_pair_of_ids_is_proposed_not_taken(table_of) -> None:
    table = table_of("date,store,product,sales\n" + panel([(s, p) for s in "AB" for p in "XYZ"]))
    with pytest.raises(DataError, match=r"data\.csv, row 3, column date: 2024-01-01") as error:
        find(table)
    assert "--aggregate" in error.value.hint
    assert "--id store,product" in error.value.hint
    assert find(table, id=("store", "product")).id == ("store", "product")


def test_aggregate_merges_instead_of_telling_apart(table_of) -> None:
    table = table_of("date,ticker,close\n" + panel([("A",), ("B",)]))
    assert find(table, ReadingOptions(aggregate="sum")).id == ()


def sensors(label=lambda unit: "ab"[unit % 2]):
    return "\n".join(
        f"{unit},{step},{unit * step / 7},{label(unit)}" for unit in range(12) for step in range(5)
    )


def test_rows_of_one_recording_become_a_sequence(table_of) -> None:
    plan = find(table_of("recording,step,x,label\n" + sensors()))
    assert (plan.task, plan.id, plan.time, plan.features) == ("classify", ("recording",), "step", ("x",))


def test_a_sequence_is_found_by_its_name_without_time(table_of) -> None:
    rows = "\n".join(f"{unit},{unit * step / 7},{'ab'[unit % 2]}" for unit in range(12) for step in range(5))
    assert find(table_of(f"sequence_id,x,label\n{rows}")).id == ("sequence_id",)


def test_a_label_that_changes_within_an_id_is_of_steps(table_of) -> None:
    rows = "\n".join(
        f"{unit},{step},{unit * step / 7},{(unit + step) % 2}" for unit in range(12) for step in range(5)
    )
    plan = find(table_of(f"recording,step,x,label\n{rows}"))
    assert (plan.task, plan.id, plan.time) == ("steps", ("recording",), "step")
    assert find(table_of(f"recording,step,x,label\n{rows}"), task="classify").id == ()


def test_ids_of_texts_are_refused(reviews) -> None:
    with pytest.raises(DataError, match="is text") as error:
        find(reviews, id=("shop",))
    assert "--group" in error.value.hint


def test_what_names_rows_is_used_when_it_is_all_there_is(table_of) -> None:
    rows = "\n".join(f"A{i}X,{i % 2}" for i in range(40))
    plan = find(table_of(f"code,label\n{rows}"))
    assert (plan.text, plan.left_out) == (("code",), ())


def test_short_strings_of_many_values_are_left_out_beside_features(table_of) -> None:
    names = ["".join(chr(97 + i // k % 26) for k in (1, 26, 5)) for i in range(120)]
    rows = "\n".join(f"{name},{i % 7 * 0.5},{i % 2}" for i, name in enumerate(names))
    plan = find(table_of(f"ticket,fare,label\n{rows}"))
    assert plan.features == ("fare",)
    assert plan.left_out[0][0] == "ticket"


def test_long_strings_without_spaces_are_text(table_of) -> None:
    rows = "\n".join(f"{'ACGT' * 5}{'ACGT'[i % 4] * (i % 9)},{i % 7 * 0.5},{i % 2}" for i in range(40))
    assert find(table_of(f"sequence,gc,label\n{rows}")).text == ("sequence",)


def test_constant_empty_and_date_columns_are_left_out(table_of) -> None:
    rows = "\n".join(f"{i % 7 * 0.5},same,,{DAYS[i % 20]},{i % 2}" for i in range(40))
    plan = find(table_of(f"fare,currency,note,bought,label\n{rows}"))
    assert plan.features == ("fare",)
    assert dict(plan.left_out) == {"currency": "every row says the same", "note": "empty", "bought": "a date"}


def test_a_date_is_refused_as_a_typed_feature(table_of) -> None:
    rows = "\n".join(f"{i % 7 * 0.5},{DAYS[i % 20]},{i % 2}" for i in range(40))
    with pytest.raises(DataError, match="column bought: a date"):
        find(table_of(f"fare,bought,label\n{rows}"), features=("bought",))


def test_no_input_is_left(table_of) -> None:
    rows = "\n".join(f"same,{i % 2}" for i in range(40))
    with pytest.raises(DataError, match="no column is left"):
        find(table_of(f"currency,label\n{rows}"))


def test_a_plan_survives_json(reviews) -> None:
    import json

    plan = find(reviews, group="shop")
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_typed_features_are_the_only_other_inputs_of_a_forecast(table_of) -> None:
    rows = "\n".join(f"{day},{i * 1.5},{i * i},{i % 4},{WORDS[i % 3]}" for i, day in enumerate(DAYS))
    table = table_of(f"date,a,close,b,colour\n{rows}")
    plan = find(table, features=("b",))
    assert (plan.task, plan.target, plan.features, plan.left_out) == ("forecast", ("close",), ("b",), ())
    with pytest.raises(DataError, match="column colour: not numbers") as error:
        find(table, features=("colour",))
    assert "--features" in error.value.hint


def test_two_columns_called_equally_like_a_label_are_an_error(table_of) -> None:
    rows = "\n".join(f"{i / 7},{i % 2},{i % 3}" for i in range(40))
    with pytest.raises(DataError, match="is called a label: main_label, other_label"):
        find(table_of(f"x,main_label,other_label\n{rows}"))


def test_two_columns_of_repeated_strings_beside_numbers_are_an_error(table_of) -> None:
    rows = "\n".join(f"{i / 7},{WORDS[i % 3]},{WORDS[i % 2]}" for i in range(40))
    with pytest.raises(DataError, match="could be the label: fur, eyes"):
        find(table_of(f"x,fur,eyes\n{rows}"))


def test_a_typed_task_takes_the_only_candidate(table_of) -> None:
    rows = "\n".join(f"{i * 0.7},{i % 3}" for i in range(60))
    plan = find(table_of(f"a,kind\n{rows}"), task="classify")
    assert (plan.target, plan.features) == (("kind",), ("a",))
    assert "only candidate" in plan.reasons[0]


def test_a_number_called_y_that_varies_within_each_id_is_a_series(table_of) -> None:
    rows = "\n".join(f"{day},{shop},{i % 2}" for i, day in enumerate(DAYS) for shop in "AB")
    plan = find(table_of(f"ds,shop,y\n{rows}"))
    assert (plan.task, plan.target, plan.id) == ("forecast", ("y",), ("shop",))


def test_a_single_candidate_that_no_rule_takes_is_named_as_one(table_of) -> None:
    rows = "".join(f"a1-{row},{'en' if row % 2 else 'de'}\n" for row in range(40))
    with pytest.raises(DataError) as caught:
        find(table_of("code,kind\n" + rows))
    assert "column kind could be the target, but no rule says so" in caught.value.message
    assert caught.value.hint == "say it with --target kind"
