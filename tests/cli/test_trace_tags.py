"""``seqcli show --trace`` of a tagger: the states are the network's, the tags those of ``predict``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from seqcli.backends.network import build_network
from seqcli.cli.main import main
from seqcli.inference.reading import read_text
from seqcli.model_dir import read_model

GOLDEN = Path(__file__).parents[1] / "golden"
TEXT = "Kawski sailed to Bolak in May."
WORDS = ["Kawski", "sailed", "to", "Bolak", "in", "May", "."]


@pytest.mark.parametrize("name", ["tag_spans", "tag_words"])
def test_every_state_is_the_networks(name, capsys) -> None:
    model = read_model(GOLDEN / f"{name}.seqcli")
    assert main(["show", "-m", str(model.path), "--trace", TEXT]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    network = build_network(model.network, seed=0).eval()
    network.load_state_dict({key: torch.from_numpy(values) for key, values in model.weights().items()})
    ids = {key: torch.from_numpy(field)[None] for key, field in read_text(model, TEXT).ids.items()}
    with torch.inference_mode():
        expected = network.encoder(network.steps(ids), torch.tensor([len(WORDS)]))[0].numpy()  # (T, 2 H)
    units = model.network.hidden_size
    for way, part in (("forward", expected[:, :units]), ("backward", expected[:, units:])):
        mine = [row for row in rows if row["name"] == "h" and row["direction"] == way]
        assert [row["token"] for row in mine][::units] == WORDS
        states = np.reshape([float(row["value"]) for row in mine], (len(WORDS), units))
        np.testing.assert_allclose(states, part, atol=1e-5)


def test_the_sentence_names_what_predict_finds(capsys, tmp_path) -> None:
    spans, words = (str(GOLDEN / f"{name}.seqcli") for name in ("tag_spans", "tag_words"))
    text = tmp_path / "text.txt"
    text.write_text(TEXT + "\n")

    def said(model: str, typed: str) -> str:
        assert main(["show", "-m", model, "--trace", typed]) == 0
        return capsys.readouterr().err

    assert main(["predict", str(text), "-m", spans, "--format", "jsonl", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)["spans"]
    listed = ", ".join(f"{TEXT[s['start'] : s['end']]} {s['label']} {s['probability']:.3f}" for s in found)
    err = said(spans, TEXT)
    assert f"Prediction for tag: {listed}." in err
    assert "2 networks answer together, and the first of them is shown" in err
    assert "Prediction for tag: no span." in said(spans, "we sail")
    assert main(["predict", str(text), "-m", words, "-q"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    listed = ", ".join(f"{row['token']} {row['prediction']} {float(row['probability']):.3f}" for row in rows)
    assert f"Prediction for upos: {listed}." in said(words, TEXT)


def test_nothing_and_too_much_are_refused(capsys) -> None:
    model = str(GOLDEN / "tag_spans.seqcli")
    assert main(["show", "-m", model, "--trace", " "]) == 2
    assert "there is no word to read" in capsys.readouterr().err
    assert main(["show", "-m", model, "--trace", "word " * 1001]) == 2
    assert "1,001 words are too many to look at" in capsys.readouterr().err
