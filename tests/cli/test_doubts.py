"""What train, evaluate and predict say of doubtful data and results, as typed."""

from __future__ import annotations

from pathlib import Path

from command_lines import rows_of, run

TINY = ("--hidden-size", "4", "--epochs", "1", "--threads", "1")


def test_train_names_contradictions_and_mistakes(here, write_csv, capsys) -> None:
    rows = [(f"nothing to learn {k} times", "ab"[k % 2]) for k in range(60)]
    rows += [(f"nothing to learn {k} times", "ba"[k % 2]) for k in range(4)]
    write_csv(here / "odd.csv", ("text", "label"), rows)
    code, out, err = run(capsys, "train", "odd.csv", *TINY)
    assert code == 0
    lines = err.splitlines()
    assert "4 texts come with more than one label, such as row 2 (a) and row 62 (b)" in err
    assert any(line.startswith("Worst mistakes") for line in lines)
    listed = [
        line.split() for line in err.split("Worst mistakes")[1].split("the wrong ones")[0].splitlines()[3:]
    ]
    source = Path("odd.csv").read_text().splitlines()
    assert bool(listed) == (float(rows_of(out)[0]["accuracy"]) < 1)
    assert listed
    for number, *text, label, prediction, _ in listed:
        assert source[int(number) - 1] == f"{' '.join(text)},{label}"
        assert prediction != label


def test_evaluate_and_predict_say_what_a_model_was_not_made_for(here, write_csv, capsys) -> None:
    rows = [
        (f"bonjour le monde {k} entier de gens heureux et encore plus de mots", "good") for k in range(24)
    ]
    write_csv(here / "french.csv", ("review", "label"), [*rows, ("we found the cast dull", "bad")])
    code, _, err = run(capsys, "evaluate", "french.csv", "-m", "reviews.seqcli")
    assert code == 0
    assert "% of the words are unknown to the model" in err
    assert "24 of 25 texts are cut: the network reads" in err
    code, out, err = run(capsys, "predict", "french.csv", "-m", "reviews.seqcli")
    assert code == 0
    assert len(rows_of(out)) == 25
    assert err.count("note: french.csv:") == 2
    code, _, err = run(capsys, "predict", "reviews.csv", "-m", "reviews.seqcli")
    assert "note" not in err
