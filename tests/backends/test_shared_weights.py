"""One table of vectors to read and to answer by, and recurrent weights that a step does without."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn import functional as F

from seqcli.backends.network import build_network, parameter_table
from seqcli.backends.registry import load_cell
from seqcli.cli.main import main
from seqcli.network import InputSpec, NetworkSpec

SIZE, WIDTH = 9, 6


def spec_of(**changes):
    usual = {
        "inputs": (InputSpec("tokens", "tokens", SIZE, WIDTH),),
        "output_shape": (SIZE,),
        "cell": "gru",
        "hidden_size": WIDTH,
        "pool": "none",
        "streams": True,
    }
    return NetworkSpec(**{**usual, **changes})


def test_a_tied_network_answers_by_the_vectors_that_it_reads_by():
    network = build_network(spec_of(tied=True), 0).eval()
    tokens = torch.randint(1, SIZE, (2, 5))
    lengths = torch.full((2,), 5)
    outputs, _ = network.encoder.run(network.embeddings[0](tokens), lengths, network.start_states(2))
    expected = outputs @ network.embeddings[0].weight.T + network.head.bias
    torch.testing.assert_close(network({"tokens": tokens, "lengths": lengths}), expected)


def test_what_is_tied_learns_from_both_ends_and_is_counted_once():
    network, apart = build_network(spec_of(tied=True), 0), build_network(spec_of(), 0)
    counts = [sum(weight.numel() for weight in each.parameters()) for each in (network, apart)]
    assert counts[1] - counts[0] == SIZE * WIDTH
    rows = {row[0]: row[2] for row in parameter_table(network).rows}
    assert rows["head, tied"] == SIZE
    assert rows["total"] == counts[0]
    batch = {"tokens": torch.tensor([[3, 4]]), "lengths": torch.tensor([2])}
    network(batch)[..., 5].sum().backward()
    gradient = network.embeddings[0].weight.grad
    assert gradient[[3, 4, 5]].abs().sum(dim=1).min() > 0  # read, read, answered
    assert not gradient[[6, 7, 8]].any()


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_a_share_of_the_recurrent_weights_is_left_out_in_training_alone(cell):
    torch.manual_seed(0)
    layer = load_cell(cell)(4, 50)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    layer.recurrent_dropout = 0.3
    whole = layer.weight_hh.detach()
    layer.train()
    dropped = layer.weights()[1].detach()
    gone = dropped == 0
    assert 0.25 < gone.float().mean() < 0.35
    torch.testing.assert_close(dropped[~gone], whole[~gone] / 0.7)
    layer.eval()
    assert layer.weights()[1] is layer.weight_hh or torch.equal(layer.weights()[1], whole)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_what_was_left_out_gets_no_gradient(cell):
    torch.manual_seed(1)
    layer = load_cell(cell)(3, 5).train()
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    layer.recurrent_dropout = 0.5
    x = torch.randn(2, 6, 3)
    torch.manual_seed(2)
    outputs, _ = layer.scan(x, layer.initial_state(x))
    outputs.square().sum().backward()
    torch.manual_seed(2)
    kept = F.dropout(torch.ones_like(layer.weight_hh), 0.5) > 0
    assert torch.equal(layer.weight_hh.grad != 0, kept)
    again = load_cell(cell)(3, 5).eval()  # the same as a cell that has only those weights
    again.load_state_dict(layer.state_dict())
    with torch.no_grad():
        again.weight_hh.mul_(kept * 2)
    torch.testing.assert_close(again.scan(x, again.initial_state(x))[0], outputs, atol=1e-5, rtol=1e-4)


def run(capsys, *line):
    code = main([str(part) for part in line])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture
def lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["red", "green", "blue", "old", "new", "house", "tree", "river", "sees", "likes"]
    text = "\n".join(
        f"the {words[i % 5]} {words[5 + i % 3]} {words[8 + i % 2]} the {words[(i * 7) % 8]}"
        for i in range(600)
    )
    (tmp_path / "lines.txt").write_text(text + "\n")
    return tmp_path


@pytest.mark.parametrize("cell", ["gru", "mingru"])
def test_a_tied_model_is_saved_and_used_like_any_other(lines, capsys, cell):
    line = (
        "train",
        "lines.txt",
        "--level",
        "words",
        "--cell",
        cell,
        "--hidden-size",
        "8",
        "--tied",
        "--steps",
        "30",
    )
    code, out, err = run(capsys, *line, "--save", "m", "--format", "json", "--recurrent-dropout", "0")
    assert code == 0, err
    assert "head, tied" in err
    tested = json.loads(out)[0]["nats"]
    text = (lines / "lines.txt").read_text()
    (lines / "last.txt").write_text(text[len(text) - round(0.1 * len(text)) :])
    code, out, err = run(capsys, "evaluate", "last.txt", "-m", "m", "--format", "json")
    assert code == 0, err
    assert json.loads(out)[0]["nats"] == pytest.approx(tested, abs=0.05)  # the first word is cut elsewhere
    code, out, err = run(capsys, "generate", "-m", "m", "--length", "12", "--prompt", "the")
    assert code == 0, err
    assert out.startswith("the")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--tied", "--embedding-size", "4", "--hidden-size", "8"), "--tied needs vectors as long"),
        (("--tied", "--backend", "numpy", "--cell", "rnn"), "the NumPy network has a head of its own"),
        (("--recurrent-dropout", ".2", "--cell", "mingru"), "--cell mingru has none"),
        (("--recurrent-dropout", ".2", "--backend", "numpy"), "the NumPy network has no dropout"),
        (("--preset", "huge"), "huge"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(lines, capsys, extra, said):
    code, out, err = run(capsys, "train", "lines.txt", "--steps", "2", *extra)
    assert code == 2
    assert not out
    assert said in err
    assert "hint: " in err or "did you mean" in err or "'small'" in err


@pytest.mark.parametrize(("preset", "shape"), [("small", "1 layer of 128"), ("large", "3 layers of 512")])
def test_a_preset_is_a_size(lines, capsys, preset, shape):
    code, plan, err = run(capsys, "train", "lines.txt", "--dry-run", "--preset", preset)
    assert code == 0, err
    assert f"network: minGRU, {shape} units" in plan
    _, own, _ = run(capsys, "train", "lines.txt", "--dry-run", "--preset", preset, "--hidden-size", "32")
    assert "of 32 units" in own
