"""``seqcli compare`` as a person types it."""

from __future__ import annotations

import json
import random
import shlex
from pathlib import Path
from statistics import mean, stdev
from xml.dom.minidom import parse

import pytest
from command_lines import rows_of, run

import seqcli.training.comparing.compare as compare_module
from seqcli.errors import DivergedError, Interrupted
from seqcli.options import Options
from seqcli.options_use import CompareOptions
from seqcli.training.comparing.events import Compared, Done

SMALL = ("--epochs", "2", "--hidden-size", "4", "--threads", "1", "--no-growth")
OPTIONS = Options.from_flat({"epochs": 2, "hidden_size": 4, "threads": 1})
TYPED = frozenset({"epochs", "hidden_size", "threads"})


@pytest.fixture
def sequences(tmp_path, monkeypatch, write_csv) -> Path:
    """Sequences of four steps whose label is told by their first step."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    rows = []
    for sequence in range(160):
        values = [draw.gauss(0, 1) for _ in range(4)]
        label = "up" if values[0] > 0 else "down"
        rows += [(sequence, step, round(value, 4), label) for step, value in enumerate(values)]
    return write_csv(Path("steps.csv"), ("sequence", "step", "x", "label"), rows)


def noted(path: str = "steps.compared.jsonl") -> list[dict]:
    """What is in a file of a comparison, without how long it took."""
    records = [json.loads(line) for line in Path(path).read_text().splitlines()[1:]]
    return [
        {name: value for name, value in record.items() if name not in ("seconds", "micros", "curve")}
        for record in records
    ]


def test_every_cell_in_both_directions_beside_attention_and_what_needs_no_network(capsys, sequences) -> None:
    code, out, err = run(capsys, "compare", "steps.csv", *SMALL)
    assert code == 0, err
    table = rows_of(out)
    cells = ("GRU", "LSTM", "minGRU", "minLSTM", "Mamba", "RNN")
    wanted = {*cells, *(f"{cell} both ways" for cell in cells), "no recurrence", "transformer"}
    networks = {row["predictor"]: row for row in table if row["parameters"]}
    assert set(networks) == wanted
    others = {row["predictor"] for row in table} - wanted
    assert others == {"most frequent class", "summaries + logistic regression"}
    scores = [float(row["accuracy"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    states = {name: row["state"] for name, row in networks.items()}
    assert (states["GRU"], states["GRU both ways"]) == ("carried", "both ways")
    assert (states["no recurrence"], states["transformer"]) == ("none", "all steps")
    assert all(float(row["us_per_step"]) > 0 for name, row in networks.items() if name != "transformer")
    assert networks["transformer"]["us_per_step"] == ""
    both, attention = (int(networks[name]["parameters"]) for name in ("GRU both ways", "transformer"))
    assert abs(both - attention) < 20
    assert "compared at equal steps" in " ".join(err.split())
    assert [path.name for path in Path().glob("*.seqcli")] == []


def test_one_network_scores_what_train_says_of_it(capsys, sequences) -> None:
    line = (*SMALL[:-1], "--no-bidirectional")
    code, out, err = run(capsys, "compare", "steps.csv", "--cells", "gru", *line, "--no-growth")
    assert code == 0, err
    ours = next(row for row in rows_of(out) if row["predictor"] == "GRU")
    code, out, err = run(capsys, "train", "steps.csv", "--cell", "gru", *line, "--no-refit")
    assert code == 0, err
    theirs = {row["predictor"]: row for row in rows_of(out)}
    assert float(ours["test_accuracy"]) == pytest.approx(float(theirs["gru alone"]["accuracy"]), abs=1e-9)
    record = json.loads(Path("steps.seqcli/history.jsonl").read_text().splitlines()[0])
    assert record
    baseline = next(each for each in noted() if each["entry"][0] == "most frequent class")
    tested = baseline["test"]["accuracy"]
    assert tested == pytest.approx(float(theirs["most frequent class"]["accuracy"]), abs=1e-9)


def test_seeds_change_the_weights_and_not_the_split(capsys, sequences) -> None:
    code, out, err = run(capsys, "compare", "steps.csv", "--cells", "gru,none", "--seeds", "3", *SMALL)
    assert code == 0, err
    for row in rows_of(out):
        mine = [each for each in noted() if each["entry"][1] == "network" and title(each) == row["predictor"]]
        if not mine:
            assert row["spread"] == ""
            assert row["seeds"] == "1"
            continue
        values = [each["validation"]["accuracy"] for each in mine]
        assert [each["seed"] for each in mine] == [0, 1, 2]
        assert float(row["accuracy"]) == pytest.approx(mean(values))
        assert float(row["spread"]) == pytest.approx(stdev(values), abs=1e-8)
        losses = {each["validation"]["log_loss"] for each in mine}
        assert len(losses) == 3


def title(record: dict) -> str:
    name, _, both, _ = record["entry"]
    return {"gru": "GRU", "none": "no recurrence"}[name] + (" both ways" if both else "")


def test_drawn_rows_leave_the_held_out_parts_as_they_are(capsys, sequences) -> None:
    line = ("--cells", "none", "--rows", "60,20", "--seeds", "2")
    code, out, err = run(capsys, "compare", "steps.csv", *line, *SMALL)
    assert code == 0, err
    table = rows_of(out)
    assert [row["rows"] for row in table] == ["20"] * 3 + ["60"] * 3
    majority = [each for each in noted() if each["entry"][0] == "most frequent class"]
    assert len(majority) == 4
    # of equal held-out rows the more and the less frequent class make up all
    shares = {round(each["validation"]["accuracy"], 9) for each in majority}
    assert shares <= {min(shares), round(1 - min(shares), 9)}


def test_a_comparison_that_was_interrupted_goes_on_as_if_it_had_not_been(capsys, sequences) -> None:
    line = ("--cells", "gru,none", "--seeds", "2", *SMALL)
    assert run(capsys, "compare", "steps.csv", *line)[0] == 0
    whole = noted()
    flags = CompareOptions(compared=("gru", "none"), seeds=2, growth=False, compared_out="part.jsonl")
    events = compare_module.compare(["steps.csv"], OPTIONS, flags, TYPED)
    for _ in range(4):
        next(event for event in events if isinstance(event, Done))
    with pytest.raises(Interrupted) as caught:
        events.throw(KeyboardInterrupt)
    assert "4 results of it are kept" in caught.value.message
    assert noted("part.jsonl") == whole[:4]
    argv = shlex.split(caught.value.hint.removeprefix("go on with: seqcli "))
    with open("part.jsonl", "a") as file:
        file.write('{"entry": ["gru", "netw')  # a crash while it was written
    assert run(capsys, *argv, "-q")[0] == 0
    assert noted("part.jsonl") == whole


def test_more_seeds_go_on_behind_those_that_were(capsys, sequences, monkeypatch) -> None:
    line = ("--cells", "none", *SMALL)
    assert run(capsys, "compare", "steps.csv", *line)[0] == 0
    trained = []
    own = compare_module.fit_and_test
    monkeypatch.setattr(compare_module, "fit_and_test", lambda *given: trained.append(1) or own(*given))
    code, out, _ = run(capsys, "compare", "steps.csv", "--resume", "--seeds", "3")
    assert code == 0
    assert len(trained) == 2
    assert next(row for row in rows_of(out) if row["parameters"])["seeds"] == "3"


def test_time_is_shared_equally(sequences, monkeypatch) -> None:
    given = []
    own = compare_module.fit_setup
    monkeypatch.setattr(
        compare_module, "fit_setup", lambda run: given.append(own(run).time_budget) or own(run)
    )
    flags = CompareOptions(compared=("gru", "none"), seeds=2, growth=False, comparing_time=4.0)
    options = Options.from_flat({"hidden_size": 4, "threads": 1})
    *_, last = compare_module.compare(["steps.csv"], options, flags)
    assert isinstance(last, Compared)
    shares = set(given[1:])  # the first is of the plan alone
    assert len(given) == 1 + 3 * 2
    assert len(shares) == 1
    assert 0.85 * 4 / 4 / 6 <= shares.pop() <= 0.85 * 4 / 6
    assert any("compared at equal time" in note for note in last.notes)


def test_a_training_that_diverges_is_named_and_the_others_go_on(capsys, sequences, monkeypatch) -> None:
    own = compare_module.fit_and_test

    def fit(run, setup):
        if run.prepared.network.cell == "gru":
            raise DivergedError("the loss is not a number")
        return (yield from own(run, setup))

    monkeypatch.setattr(compare_module, "fit_and_test", fit)
    code, out, err = run(capsys, "compare", "steps.csv", "--cells", "gru,none", *SMALL)
    assert code == 0
    table = rows_of(out)
    assert [row["accuracy"] == "" for row in table] == [False, False, False, True, True]
    assert "GRU, seed 0, failed: the loss is not a number" in " ".join(err.split())


def test_growth_stands_beside_the_cells_and_in_a_table_of_its_own(capsys, sequences, monkeypatch) -> None:
    monkeypatch.setattr("seqcli.training.comparing.growth.growth_of.__defaults__", ((8, 16, 32),))
    code, out, err = run(capsys, "compare", "steps.csv", "--cells", "none", *SMALL[:-1])
    assert code == 0, err
    network = next(row for row in rows_of(out) if row["parameters"])
    assert float(network["memory_growth"]) == pytest.approx(1, abs=0.1)
    assert "T=32" in err
    assert "transformer" in err


@pytest.mark.parametrize("ending", ["svg", "html", "png"])
def test_the_plot_names_every_predictor_of_the_table(capsys, sequences, ending) -> None:
    line = ("--cells", "gru,none", "--seeds", "2", "--plot", f"cells.{ending}")
    code, out, err = run(capsys, "compare", "steps.csv", *line, *SMALL)
    assert code == 0, err
    assert Path(f"cells.{ending}").stat().st_size > 1000
    if ending == "svg":
        drawn = parse("cells.svg").getElementsByTagName("text")
        texts = [text.firstChild.data for text in drawn]
        assert {row["predictor"] for row in rows_of(out)} <= {text.partition("…")[0] for text in texts} | {
            child.firstChild.data for text in drawn for child in text.getElementsByTagName("title")
        }


def test_the_plot_of_drawn_rows_has_a_curve_over_them(capsys, sequences) -> None:
    line = ("--cells", "none,gru", "--rows", "20,60", "--no-bidirectional", "--plot", "few.svg")
    assert run(capsys, "compare", "steps.csv", *line, *SMALL)[0] == 0
    curves = [path for path in parse("few.svg").getElementsByTagName("path") if path.getAttribute("d")]
    assert len(curves) == 2
    texts = [text.firstChild.data for text in parse("few.svg").getElementsByTagName("text")]
    assert texts.count("20") == texts.count("60") == 2


def test_a_dry_run_says_what_would_be_compared(capsys, sequences) -> None:
    code, out, _ = run(capsys, "compare", "steps.csv", "--cells", "gru", "--seeds", "2", "--dry-run")
    assert code == 0
    said = [row["text"] for row in rows_of(out)]
    assert "comparing: 4 trainings that share 120 s equally, 2 seeds on one split" in said
    assert "networks, each alone: GRU, GRU both ways" in said
    assert [path.name for path in Path().iterdir()] == ["steps.csv"]


@pytest.mark.parametrize(
    ("argv", "code", "message", "hint"),
    [
        (["--cells", "gur"], 2, "--cells: no cell is called 'gur'", "did you mean gru?"),
        (["--rows", "4"], 3, "steps.csv: --rows 4 of 112 training rows", "numbers from 20 to 112"),
        (["--rows", "0"], 2, "--rows: 0 is not a number from 1 on", "such as 100,300,1000"),
        (["--rows", "ten"], 2, "--rows: 'ten' is not a whole number", "such as 10"),
        (["--validation-share", "0"], 3, "compare ranks by what is held out", "--validation FILE"),
        (["--time-budget", "5s", "--epochs", "1"], 2, "both say how long", "leave out one of the two"),
        (["--resume"], 2, "there is no comparison to go on with", "leave out --resume"),
        (["--save", "x.csv"], 2, "--save x.csv: what was compared is kept in a .jsonl", "--save x.csv.jsonl"),
        (["--save", "no/x.jsonl"], 2, "there is no directory no", "mkdir -p no"),
        (["--bptt", "8"], 2, "--bptt means nothing to the task classify", "leave out --bptt"),
        (["--cell", "gru"], 2, "compare has no option --cell", "did you mean --cells?"),
        (["--plot", "x.pdf"], 2, "--plot x.pdf: a figure ends in", ""),
    ],
)  # fmt: skip
def test_slips_are_named(capsys, sequences, argv, code, message, hint) -> None:
    got, out, err = run(capsys, "compare", "steps.csv", "-q", *argv)
    assert (got, out) == (code, "")
    assert message in err.splitlines()[0]
    assert hint in err.splitlines()[1]
    assert [path.name for path in Path().iterdir()] == ["steps.csv"]


def test_a_task_that_reads_on_takes_neither_rows_nor_attention(capsys, here) -> None:
    base = ("compare", "prices.csv", "--task", "forecast", "-q")
    code, _, err = run(capsys, *base, "--rows", "30")
    assert code == 2
    assert "the task forecast has none" in err
    code, _, err = run(capsys, *base, "--cells", "transformer")
    assert code == 2
    assert "a transformer encoder reads the whole input" in err


def test_a_forecasters_linear_member_stands_beside_its_network_alone(capsys, here) -> None:
    line = ("--cells", "gru", "--window", "14", "--horizon", "7", *SMALL)
    code, out, err = run(capsys, "compare", "prices.csv", *line)
    assert code == 0, err
    ours = {row["predictor"]: row for row in rows_of(out)}
    line = ("--cell", "gru", *line[2:-1], "--no-refit", "--force", "-q")
    code, out, err = run(capsys, "forecast", "prices.csv", *line)
    assert code == 0, err
    scores = json.loads(Path("prices.seqcli/model.json").read_text())["metrics"]
    assert float(ours["GRU"]["test_mase"]) == pytest.approx(scores["gru alone"]["mase"], abs=1e-9)
    assert float(ours["ridge alone"]["test_mase"]) == pytest.approx(scores["ridge alone"]["mase"], abs=1e-9)


def test_a_file_of_ones_own_is_not_replaced_and_an_earlier_comparison_is_kept(capsys, sequences) -> None:
    Path("steps.compared.jsonl").write_text("mine\n")
    code, _, err = run(capsys, "compare", "steps.csv", "--cells", "none", *SMALL, "-q")
    assert code == 2
    assert "was not written by compare" in err
    Path("steps.compared.jsonl").unlink()
    for _ in range(2):
        assert run(capsys, "compare", "steps.csv", "--cells", "none", *SMALL, "-q")[0] == 0
    assert noted("steps.compared.jsonl.old") == noted()
    lines = Path("steps.compared.jsonl").read_text().splitlines()
    Path("steps.compared.jsonl").write_text(f"{lines[0]}\n{{}}\n")
    code, _, err = run(capsys, "compare", "steps.csv", "--resume", "-q")
    assert code == 3
    assert "steps.compared.jsonl, line 2: is damaged" in err


def test_resume_wants_the_same_data(capsys, sequences) -> None:
    assert run(capsys, "compare", "steps.csv", "--cells", "none", *SMALL, "-q")[0] == 0
    text = sequences.read_text()
    sequences.write_text(text.replace("down", "below"))
    code, _, err = run(capsys, "compare", "steps.csv", "--resume", "-q")
    assert code == 3
    assert "the data has changed" in err
