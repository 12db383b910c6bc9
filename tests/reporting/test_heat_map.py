"""Heat maps in characters: what stands where, without colour and with it."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from seqcli.reporting.heat_map import Group, Row, draw_heat_map, style, visible

GATE = Group("a gate, 0 to 1", [Row("mean", [0.0, 0.71, 1.0])])
STATE = Group("a state, -2.00 to 2.00", [Row("unit 7", [-2.0, 0.1, 1.44], signed=True)], 2.0)


def texts(lines) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def test_where_words_fit_the_numbers_stand_below_them() -> None:
    assert texts(draw_heat_map(["not", "a", "gripping"], [GATE, STATE], 80)) == [
        "            not     a gripping",
        "a gate, 0 to 1",
        "  mean     0.00  0.71     1.00",
        "a state, -2.00 to 2.00",
        "  unit 7  -2.00 +0.10    +1.44",
    ]


def test_where_they_do_not_each_number_is_a_digit_and_words_stand_upright() -> None:
    tokens = ["not", "a", "extraordinary"]
    assert texts(draw_heat_map(tokens, [GATE, STATE], 26)) == [
        "                 e",
        "                 x",
        "                 t",
        "                 r",
        "                 a",
        "           n     o",
        "           o     r",
        "           t  a  …",
        "a gate, 0 to 1",
        "  mean     0  7  9",
        "a state, -2.00 to 2.00",
        "  unit 7  -9  0 +7",
        "digits are tenths of the rows' scale: 7 is 0.7 up to 0.8, 9 is 0.9 and more",
    ]
    assert texts(draw_heat_map(tokens, [GATE], 15, plain=True))[7].endswith("t a ~")


def test_what_is_wider_than_the_screen_goes_on_in_blocks() -> None:
    group = Group("gate", [Row("mean", [k / 50 for k in range(50)])])
    lines = texts(draw_heat_map(list("abcdefghij" * 5), [group], 47))
    assert [line.strip() for line in lines] == [
        "a b c d e f g h i j a b c d e f g h i j",
        "gate",
        "mean  " + " ".join(str(k // 5) for k in range(20)),
        "",
        "a b c d e f g h i j a b c d e f g h i j",
        "gate",
        "mean  " + " ".join(str(k // 5) for k in range(20, 40)),
        "",
        "a b c d e f g h i j",
        "gate",
        "mean  " + " ".join(str(k // 5) for k in range(40, 50)),
        "digits are tenths of the rows' scale: 7 is 0.7 up to 0.8, 9 is 0.9 and more",
    ]
    assert max(map(len, lines[:-1])) <= 47


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("tokens", [["the", "日本語", "e\u0301te"] * 4, list("日本 語") * 9])
def test_no_row_is_wider_than_the_screen(tokens, width) -> None:
    values = [(-1) ** k * k / len(tokens) for k in range(len(tokens))]
    lines = draw_heat_map(tokens, [Group("g", [Row("unit 3", values, signed=True)])], width)
    rows = [line for line in texts(lines) if line and not line.startswith("digits")]
    assert max(cell_len(line) for line in rows) <= width


def test_what_cannot_be_seen_has_a_sign() -> None:
    assert [visible(token) for token in (" ", "\n", "\t", " word", "\x1b[2J")] == [
        "␣",
        "⏎",
        "⇥",
        "word",
        "�[2J",
    ]
    assert [visible(token, plain=True) for token in (" ", "\n", "\t", "\x07")] == ["_", "\\", ">", "?"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.004, "0.00"),
        (-0.004, "0.00"),
        (9.5, "+9.50"),
        (-12.34, "-12.3"),
        (123.4, "+123"),
        (-1234.0, "-1234"),
    ],
)
def test_a_number_keeps_within_its_column(value, shown) -> None:
    lines = texts(draw_heat_map(["x"], [Group("g", [Row("u", [value], signed=True)], 1000)], 80))
    assert lines[2].split() == ["u", shown]


def test_colour_says_size_and_sign_and_text_can_be_read_on_it() -> None:
    zero, half, full = (style(value, 2.0, True) for value in (0.0, 1.0, 2.0))
    assert zero == "white on #262626"
    assert full.startswith("black on #")
    assert len({zero, half, full, style(-2.0, 2.0, True), style(2.0, 2.0, False)}) == 5
    assert style(5.0, 2.0, True) == full
    assert style(0.0, 0.0, True) == zero
