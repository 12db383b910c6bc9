"""Text from a 2×256 LSTM: tokens a second, and process start to first character beside ``import torch``.

python benchmarks/sampling.py

The model is built here and not trained: a step costs the same. One stream, one thread, sampling included.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import string
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

RUNS = 11
LEAST_RATE = 4_500
MOST_SECONDS, MOST_RATIO = 0.45, 0.20
CHARACTERS = string.ascii_letters + " \n.,;:!?'-&3$"  # as many as tinyshakespeare has


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=20_000, help="tokens of a timed text")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--build", type=Path, help="only write the model here")
    parser.add_argument("--rates-only", action="store_true", help="only tokens a second, as JSON")
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "corpus.seqcli"
        # In a process of its own: this one then holds no torch, like a process that only generates.
        subprocess.run([sys.executable, *sys.argv, "--build", str(model)], check=True)
        if arguments.rates_only:
            print(json.dumps({**rates_of(model, arguments.tokens), "weights": weights_of(model)}))
            return
        rates(model, arguments)
        starts(model, arguments.runs)


def build(arguments: argparse.Namespace) -> None:
    """Write a character model with random weights."""
    from seqcli.backends.graph import step_graph
    from seqcli.backends.network import build_network
    from seqcli.model_dir import write_model
    from seqcli.network import InputSpec, NetworkSpec
    from seqcli.options import Options
    from seqcli.preprocessing.corpus import Corpus
    from seqcli.tasks.base import Plan, Scores
    from seqcli.tasks.language import Language
    from seqcli.training.export import model_record

    task = Language(Plan("language", ("text",), text=("text",)), Corpus.fit(CHARACTERS, "characters"))
    size = task.corpus.size
    spec = NetworkSpec(
        (InputSpec("tokens", "tokens", size, 64),), (size,), cell=arguments.cell, pool="none", streams=True,
        hidden_size=arguments.hidden_size, num_layers=arguments.num_layers,
    )  # fmt: skip
    network = build_network(spec, seed=0)
    record = model_record(
        task, spec, [Scores(arguments.cell, {})], Options(), typed=(), threads=1, steps=0,
        data={"source": "none", "digest": "", "rows": 0},
    )  # fmt: skip
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    write_model(arguments.build, record, weights, {"step": step_graph(network)}, [], "# not trained\n")


def weights_of(model: Path) -> int:
    """How many numbers the model has learnt, or would have."""
    record = json.loads((model / "model.json").read_text(encoding="utf-8"))
    tensors = record["files"]["weights.safetensors"]["tensors"]
    return sum(math.prod(shape) for _, shape in tensors.values())


def rates_of(model: Path, count: int) -> dict[str, float]:
    """Tokens a second of each sampler, the best of three texts."""
    from seqcli.inference.generate import Writer
    from seqcli.inference.sampling import Sampler
    from seqcli.model_dir import read_model

    writer = Writer(read_model(model))
    beginning = writer.begin("The ")
    samplers = {
        "greedy": Sampler(0.0),
        "temperature .8": Sampler(0.8),
        "temperature .8, top-k 40, top-p .9": Sampler(0.8, 40, 0.9),
    }
    found = {}
    for name, sampler in samplers.items():
        seconds = []
        for turn in range(4):
            tokens = writer.tokens(beginning, sampler, np.random.default_rng(turn))
            started = time.perf_counter()
            for _ in islice(tokens, count):
                pass
            seconds.append(time.perf_counter() - started)
        found[name] = count / min(seconds[1:])
    return found


def rates(model: Path, arguments: argparse.Namespace) -> None:
    """Tokens a second of each sampler, and of the whole command."""
    shape = f"{arguments.num_layers}×{arguments.hidden_size} {arguments.cell}"
    print(f"{shape + ', one stream, one thread':44} {'tokens/s':>9}  bar")
    for name, rate in rates_of(model, arguments.tokens).items():
        say_rate(name, rate)
    command = [sys.executable, "-m", "seqcli", "generate", "-m", str(model), "--length"]
    lengths, taken = (100, 100 + arguments.tokens), []
    for length in lengths:
        started = time.perf_counter()
        subprocess.run([*command, str(length)], capture_output=True, check=True)
        taken.append(time.perf_counter() - started)
    say_rate("the command into a pipe, temperature .8", arguments.tokens / (taken[1] - taken[0]))


def say_rate(name: str, rate: float) -> None:
    """One line of the table."""
    print(f"{name:44} {rate:9,.0f}  {LEAST_RATE:,} {'kept' if rate >= LEAST_RATE else 'MISSED'}")


def starts(model: Path, runs: int) -> None:
    """Seconds to the first character that was drawn, and those of ``import torch``, in turn."""
    ours, torch = [], []
    for turn in range(runs + 1):
        first = first_character([sys.executable, "-m", "seqcli", "generate", "-m", str(model)])
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        if turn:
            torch.append(time.perf_counter() - started)
            ours.append(first)
    median, reference = statistics.median(ours), statistics.median(torch)
    kept = "kept" if median <= MOST_SECONDS or median / reference <= MOST_RATIO else "MISSED"
    print(f"\n{'start to first character':26} {'range':>13} {'torch s':>8} {'ratio':>6}  bar (s | ratio)")
    print(
        f"{median:26.3f} {f'{min(ours):.3f}–{max(ours):.3f}':>13} {reference:8.3f} {median / reference:6.3f}"
        f"  {MOST_SECONDS} | {MOST_RATIO} {kept}"
    )


def first_character(command: list[str]) -> float:
    """Seconds from the start of a process to the first byte on its stdout."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        seconds = time.perf_counter() - started
        process.stdout.read()
    return seconds


if __name__ == "__main__":
    main()
