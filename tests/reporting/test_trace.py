"""What is drawn of a trace and said of it, on planted weights."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest

from seqcli.backends.trace import trace_network
from seqcli.inference.reading import Reading
from seqcli.network import InputSpec, NetworkSpec
from seqcli.options import OutputOptions
from seqcli.reporting.screen import Screen
from seqcli.reporting.trace import groups_of, last_forward, liveliest, number_rows, report, title
from seqcli.reporting.trace_verdict import half_life, verdict

WORDS = ["it", "was", "not", "bad"]
IDS = np.array([3, 4, 5, 4])
GATES = {"rnn": "h", "gru": "rzn", "lstm": "ifgo"}


def planted(cell: str, hidden: int = 4, layers: int = 1, both: bool = False):
    """A network of zeros that reads 6 tokens as one-hot vectors, and its weights by name."""
    spec = NetworkSpec(
        (InputSpec("tokens", "tokens", 6, 6),), (2,), cell=cell, hidden_size=hidden, num_layers=layers,
        bidirectional=both,
    )  # fmt: skip
    weights, width = {"embeddings.0.weight": np.eye(6, dtype=np.float32)}, 6
    for depth in range(layers):
        for way in ("forward", "backward") if both else ("forward",):
            name, rows = f"encoder.layers.{depth}.{way}_cell", len(GATES[cell]) * hidden
            shapes = {"weight_ih": (rows, width), "weight_hh": (rows, hidden), "bias_ih": (rows,)}
            shapes["bias_hh"] = (rows,)
            weights.update({f"{name}.{part}": np.zeros(s, np.float32) for part, s in shapes.items()})
        width = hidden * (2 if both else 1)
    return spec, weights


def rows_of(weights, cell: str, gate: str, part: str) -> np.ndarray:
    """The rows of one gate in a weight of the first layer, to write to."""
    values = weights[f"encoder.layers.0.forward_cell.{part}"]
    size, place = len(values) // len(GATES[cell]), GATES[cell].index(gate)
    return values[place * size : (place + 1) * size]


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def read(tokens=WORDS, ahead=0, asked="label", answers=(("positive", 0.75), ("negative", 0.25)), notes=()):
    return Reading("word", list(tokens), {"tokens": IDS}, ahead, asked, list(answers), list(notes))


def traced(spec, weights):
    return trace_network(spec, weights, {"tokens": IDS})


# ---- what is said


@pytest.mark.parametrize(
    ("keep", "steps"), [(0.5, 1.0), (0.9, 6.5788), (0.99, 68.9676), (0.0, 0), (1.0, math.inf)]
)
def test_a_half_life_is_ln_half_by_ln_keep(keep, steps) -> None:
    assert half_life(keep) == pytest.approx(steps, abs=1e-4)
    assert not 0 < keep < 1 or keep ** half_life(keep) == pytest.approx(0.5)


@pytest.mark.parametrize(("cell", "gate", "name"), [("lstm", "f", "forget"), ("gru", "z", "update")])
def test_a_planted_gate_gives_the_half_life_that_is_said(cell, gate, name) -> None:
    spec, weights = planted(cell, hidden=20)
    rows_of(weights, cell, gate, "bias_hh")[:] = logit(0.8)
    rows_of(weights, cell, gate, "bias_hh")[:4] = logit(0.99)
    said = verdict(read(), *traced(spec, weights))[0]
    mean = 0.8 * 0.8 + 0.2 * 0.99
    assert said == (
        f"The {name} gate {gate} is {mean:.2f} on average over 4 words and 20 units: half of the memory is "
        f"left after {math.log(0.5) / math.log(mean):.1f} words (ln 0.5 / ln {gate}). In the slowest tenth "
        "of the units it is 0.9900 or more: half of the memory is left after 69.0 words."
    )


def test_a_gate_that_never_closes_forgets_nothing_and_few_units_have_no_tenth() -> None:
    spec, weights = planted("lstm")
    rows_of(weights, "lstm", "f", "bias_ih")[:] = 1000
    said = verdict(read(), *traced(spec, weights))[0]
    assert said == (
        "The forget gate f is 1.0000 on average over 4 words and 4 units: "
        "nothing is forgotten (ln 0.5 / ln f)."
    )


def test_the_memory_really_lasts_as_long_as_is_said() -> None:
    """Written once, at the first word, c has halved after the stated half-life of ten words."""
    spec, weights = planted("lstm")
    keep = 0.5**0.1
    rows_of(weights, "lstm", "f", "bias_ih")[:] = logit(keep)
    rows_of(weights, "lstm", "g", "weight_ih")[:, 3] = 2.0
    ids = np.array([3] + [4] * 10)
    (trace,) = trace_network(spec, weights, {"tokens": ids})
    c = trace.values["c"]
    np.testing.assert_allclose(c[10] / c[0], 0.5, rtol=1e-6)
    assert "after 10.0 words" in verdict(read(["it"] * 11), trace)[0]


def test_an_rnn_has_no_gate_that_keeps() -> None:
    said = verdict(read(), *traced(*planted("rnn")))[0]
    assert said == "No gate keeps the memory of an RNN: every word writes all of h anew."


def test_the_word_that_moved_the_memory_most_is_named() -> None:
    spec, weights = planted("lstm")
    rows_of(weights, "lstm", "f", "bias_ih")[:] = 1000  # c only adds up ½ g
    rows_of(weights, "lstm", "g", "weight_ih")[0, 3] = math.atanh(0.2)
    rows_of(weights, "lstm", "g", "weight_ih")[:2, 5] = math.atanh(-0.6), math.atanh(0.8)
    said = verdict(read(), *traced(spec, weights))[1]
    # 0.1, 0, ½ √(.36 + .64) = 0.5 and 0: 0.15 on average
    assert said == (
        "The memory c changed most at word 3, 'not': by 0.50, 3.3 times the mean step "
        "(length of the change over all units)."
    )


def test_a_memory_that_never_moves_is_compared_with_nothing() -> None:
    said = verdict(read(), *traced(*planted("gru")))[1]
    assert said == "The memory h changed most at word 1, 'it': by 0.00."


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (read(), "Prediction for label: positive 0.750, negative 0.250."),
        (read(asked="stars", answers=[(3.5, None)]), "Prediction for stars: 3.5."),
        (
            read(ahead=1, asked="the next word", answers=[(" good", 0.5), ("\n", 0.25)]),
            "Prediction for the next word: 'good' 0.500, '\\n' 0.250.",
        ),
    ],
)
def test_the_likeliest_answers_are_said_with_their_probabilities(reading, said) -> None:
    assert verdict(reading, *traced(*planted("gru")))[2] == said


# ---- what is drawn


def test_units_whose_memory_varies_most_are_drawn_and_counters_are_not() -> None:
    spec, weights = planted("lstm", hidden=6)
    rows_of(weights, "lstm", "f", "bias_ih")[:] = logit(0.9)
    g = rows_of(weights, "lstm", "g", "weight_ih")
    g[2, 3:] = 1, -1, 1
    g[5, 3:] = 2, -2, 2
    assert liveliest(traced(spec, weights)[0], 2) == [5, 2]
    rows_of(weights, "lstm", "f", "bias_ih")[0] = 1000  # c_0 goes up by ½ at each word, after a large start
    rows_of(weights, "lstm", "g", "bias_ih")[0] = 1000
    weights["encoder.layers.0.forward_cell.weight_ih"][0] = 0
    rows_of(weights, "lstm", "i", "bias_ih")[0] = 1000
    (trace,) = traced(spec, weights)
    np.testing.assert_allclose(trace.values["c"][:, 0], [1, 2, 3, 4])
    assert trace.values["c"].std(axis=0).argmax() == 0
    assert liveliest(trace, 1) == [5]


def test_each_group_has_its_scale_and_the_mean_over_all_units_first() -> None:
    spec, weights = planted("lstm", hidden=6)
    rows_of(weights, "lstm", "f", "bias_ih")[:] = logit(0.9)
    rows_of(weights, "lstm", "g", "weight_ih")[:3, 3:] = [[0.1], [-0.2], [0.3]]
    (trace,) = traced(spec, weights)
    groups = {group.heading.split(",")[0]: group for group in groups_of(trace)}
    forget = groups["forget gate f: the share of c that is kept"]
    assert forget.heading.endswith(", 0 to 1")
    assert [row.label for row in forget.rows] == ["mean", "unit 3", "unit 2", "unit 1", "unit 4"]
    assert not any(row.signed for row in forget.rows)
    assert forget.rows[0].values == pytest.approx([0.9] * 4)
    state = groups["cell state c: the memory"]
    drawn = trace.values["c"][:, [2, 1, 0, 3]]
    assert state.scale == abs(drawn).max()
    assert state.heading.endswith(f"-{state.scale:.2f} to {state.scale:.2f} in these units")
    assert [row.signed for row in state.rows] == [False, True, True, True, True]
    assert state.rows[0].label == "mean |c|"
    assert state.rows[0].values == pytest.approx(np.abs(trace.values["c"]).mean(axis=1).tolist())
    assert state.rows[1].values == trace.values["c"][:, 2].tolist()


@pytest.mark.parametrize(
    ("cell", "hidden", "layers", "both", "said"),
    [
        ("gru", 6, 1, False, "GRU layer 1, read forward: the 4 of 6 units whose h varies most"),
        (
            "lstm", 3, 2, False,
            "LSTM layer 2, read forward: its units, those first whose tanh c varies most "
            "(other layers: --format csv)",
        ),
        (
            "rnn", 5, 1, True,
            "RNN layer 1, read forward: the 4 of 5 units whose h varies most (the way back: --format csv)",
        ),
        (
            "rnn", 5, 2, True,
            "RNN layer 2, read forward: the 4 of 5 units whose h varies most "
            "(other layers and the way back: --format csv)",
        ),
    ],
)  # fmt: skip
def test_the_title_says_what_is_shown_and_where_the_rest_is(cell, hidden, layers, both, said) -> None:
    traces = traced(*planted(cell, hidden, layers, both))
    assert title(traces, last_forward(traces)) == said


def test_every_number_has_a_row() -> None:
    traces = traced(*planted("gru", hidden=3, layers=2, both=True))
    rows = list(number_rows(read(), traces))
    assert (
        len(rows) == len({row[:6] for row in rows}) == 2 * 2 * 4 * 3 * 4
    )  # layers, ways, words, units, names
    assert rows[0] == (1, "it", 1, "forward", 1, "z", 0.5)
    assert {row[5] for row in rows} == {"z", "r", "n", "h"}


# ---- where it goes


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def reported(monkeypatch, form: str, cell: str = "lstm", **output) -> tuple[str, str]:
    """What goes to a terminal as stdout, and to stderr."""
    out, err = Terminal(), io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(output.get("quiet", False), stream=err)
    report(screen, read(notes=["a note"]), traced(*planted(cell)), OutputOptions(format=form, **output))
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_without_colours_the_map_is_text(monkeypatch, cell) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    out, err = reported(monkeypatch, "table", cell)
    assert "\x1b" not in out
    assert out.isascii()
    assert "  mean |h|   0.00  0.00  0.00  0.00" in out.splitlines()
    assert err == "note: a note\n"
    assert "Prediction for label: positive 0.750" in out


def test_a_terminal_gets_colours(monkeypatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    out, _ = reported(monkeypatch, "table")
    assert "\x1b[37;48;2;63;114;75m  0.50" in out


def test_a_program_gets_every_number_and_a_person_the_sentences(monkeypatch) -> None:
    out, err = reported(monkeypatch, "csv")
    assert out.splitlines()[:2] == [
        "position,token,layer,direction,unit,name,value",
        "1,it,1,forward,1,f,0.5",
    ]
    assert len(out.splitlines()) == 1 + 4 * 6 * 4
    assert [line.split()[0] for line in err.splitlines()] == ["note:", "The", "The", "Prediction"]
    assert reported(monkeypatch, "jsonl", quiet=True)[1] == ""
