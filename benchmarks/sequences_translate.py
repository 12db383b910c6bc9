"""The rows of ``sequences_pairs.py`` on translation, and the plain torch scripts that stand beside them."""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from seqcli.demo.written_dates import dates
from seqcli.inference.translating import SavedWriter, translator
from seqcli.model_dir import read_model
from seqcli.options import Options
from seqcli.readers.pairs import read_pair
from seqcli.sequences import TARGET
from seqcli.tasks.base import Plan, Tables
from seqcli.tasks.registry import prepare
from seqcli.tasks.translating.answers import translate
from seqcli.tasks.translating.search import Search
from seqcli.threads import thread_count

PLAN = Plan("translate", ("target",), text=("source",))
PAIRS = 32
"""Sentences that the plain beam follows at once."""
PLAIN_LR, PLAIN_BATCH = 1e-3, 64
TIMED_STEPS = 25
END = 2


@dataclass(frozen=True)
class Row:
    """One figure, its bars, and what the plain script reaches."""

    measure: str
    must: float
    target: float
    own: float
    plain: float
    seconds: float
    note: str = ""


def run(*argv: str, cwd: str) -> str:
    """What ``seqcli`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "seqcli", *argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def part(data: Path, name: str, language: str) -> str:
    return str((data / "translate" / f"{name}.{language}.gz").absolute())


def translation_row(given: argparse.Namespace, source: str, target: str) -> Row:
    """BLEU of both on one part, after the same time."""
    must, wanted = {"en": (29.0, 34.0), "de": (23.0, 29.0)}[target]
    parts = {name: (part(given.data, name, source), part(given.data, name, target))
             for name in ("train", "val", given.part)}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        printed = run(
            "train", "--source", parts["train"][0], "--target", parts["train"][1],
            "--validation", ",".join(parts["val"]), "--test", ",".join(parts[given.part]),
            "--time-budget", f"{given.time_budget:g}s", "--seed", str(given.seed), "--save", "m.seqcli",
            cwd=folder,
        )  # fmt: skip
        seconds = time.perf_counter() - started
    own, lexicon = (float(row["bleu"]) for row in list(csv.DictReader(io.StringIO(printed)))[:2])
    plain = plain_bleu(parts, given)
    return Row(f"BLEU {given.part}", must, wanted, own, plain, seconds, f"word by word {lexicon:.1f}")


def throughput_row(given: argparse.Namespace) -> Row:
    """Target tokens a second of both training loops, turn by turn on the same sizes."""
    from seqcli.backends.network import build_network
    from seqcli.training.fit_setup import FitSetup
    from seqcli.training.stepping import make_trainer
    from seqcli.training.translating import PairFeed

    torch.set_num_threads(thread_count())
    prepared = prepared_pairs(given, "de", "en")
    setup = FitSetup("written", prepared.training["batch_size"], 1e-3, epochs=1, label_smoothing=0.1)
    feed = PairFeed(prepared.train, None, setup)
    trainer = make_trainer(build_network(prepared.network, 0), setup)
    plain = PlainTrainer(PlainTranslator(prepared.network), PLAIN_LR)
    sorted_batches = plain_batches(prepared.train, setup.batch_size, 0)
    paces: list[list[float]] = [[], []]
    started = time.perf_counter()
    for step in range(TIMED_STEPS):
        batch = feed.batch(step)
        begun = time.perf_counter()
        trainer.step(batch, 1e-3)
        paces[0].append((batch[TARGET] > 0).sum() / (time.perf_counter() - begun))
        batch = prepared.train.batch(sorted_batches[step])
        begun = time.perf_counter()
        plain.step(batch)
        paces[1].append((batch[TARGET] > 0).sum() / (time.perf_counter() - begun))
    own, other = (float(np.median(each[2:])) for each in paces)
    ratio = f"{own / other:.2f} ×, {thread_count()} threads, medians of {TIMED_STEPS - 2} steps"
    return Row("target tokens/s", 1.2 * other, 1.8 * other, own, other, time.perf_counter() - started, ratio)


def beam_row(given: argparse.Namespace) -> Row:
    """Sentences a second by 5 beams, both on a model that has learnt for a minute."""
    torch.set_num_threads(thread_count())
    names = {name: (part(given.data, name, "de"), part(given.data, name, "en")) for name in ("train", "val")}
    with tempfile.TemporaryDirectory() as folder:
        run(
            "train", "--source", names["train"][0], "--target", names["train"][1], "--validation",
            ",".join(names["val"]), "--test-share", "0.005", "--time-budget", "60s", "--save", "m.seqcli",
            cwd=folder,
        )  # fmt: skip
        model = read_model(Path(folder) / "m.seqcli")
        task, writer, weights = translator(model), SavedWriter(model), model.weights()
    table = read_pair(names["val"], Options().reading)
    examples = task.encode(table.take(np.arange(min(512, len(table)))))
    plain = PlainTranslator(model.network)
    plain.take_weights(weights)
    times: list[list[float]] = [[], []]
    started = time.perf_counter()
    for _ in range(3):
        begun = time.perf_counter()
        translate(writer, examples, task.growth, Search())
        times[0].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        for rows in np.array_split(np.argsort(examples.lengths), math.ceil(len(examples) / PAIRS)):
            plain.beam(examples.batch(rows), 5, int(task.growth * examples.lengths[rows].max()) + 10)
        times[1].append(time.perf_counter() - begun)
    own, other = (len(examples) / min(each) for each in times)
    ratio = f"{own / other:.2f} ×, {thread_count()} threads"
    return Row(
        "sentences/s, 5 beams", 1.5 * other, 3 * other, own, other, time.perf_counter() - started, ratio
    )


def dates_row(given: argparse.Namespace) -> Row:
    """Exact texts of dates in ISO 8601; beside it a plain network that learns as long, greedily written."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = dates(10_000, given.seed)
        with (Path(folder) / "dates.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("source", "target"), *pairs])
        started = time.perf_counter()
        printed = run("train", "dates.csv", "--time-budget", "60s", "--no-refit", cwd=folder)
        seconds = time.perf_counter() - started
        table = next(csv.DictReader(io.StringIO(printed)))
        from seqcli.options import ReadingOptions
        from seqcli.readers.read import read_table

        prepared = prepare(
            Tables(read_table([str(Path(folder) / "dates.csv")], ReadingOptions())), PLAN, Options()
        )
    plain = PlainTranslator(prepared.network)
    learn_plainly(plain, prepared.train, 60.0)
    said = plain.texts(prepared.test, prepared.task.target, 1, 20)
    right = sum(one == other for one, other in zip(said, prepared.test.pairs.targets, strict=True))
    return Row("exact texts", 0.99, 1.0, float(table["exact"]), right / len(said), seconds)


def prepared_pairs(given: argparse.Namespace, source: str, target: str):
    reading = Options().reading
    tables = [
        read_pair((part(given.data, name, source), part(given.data, name, target)), reading)
        for name in ("train", "val", given.part)
    ]
    return prepare(Tables(*tables), PLAN, Options())


def plain_bleu(parts: dict[str, tuple[str, str]], given: argparse.Namespace) -> float:
    """The same tokens and sizes, a plain decoder, learnt for as long: BLEU by 5 beams."""
    import sacrebleu

    torch.set_num_threads(thread_count())
    tables = [read_pair(names, Options().reading) for names in parts.values()]
    prepared = prepare(Tables(tables[0], tables[1], tables[-1]), PLAN, Options())
    network = PlainTranslator(prepared.network, writer=False)
    learn_plainly(network, prepared.train, given.time_budget)
    said = network.texts(prepared.test, prepared.task.target, 5, 60)
    with gzip.open(parts[given.part][1], "rt", encoding="utf-8") as file:
        wanted = [line.strip() for line in file]
    return float(sacrebleu.corpus_bleu(said, [wanted]).score)


# ---- the plain script: torch's own layers, padding trained on as any other token is masked ---------


class PlainTranslator(nn.Module):
    """nn.GRU both ways, nn.GRU, dot attention; with ``writer`` the second GRU that seqcli's network has."""

    def __init__(self, spec, writer: bool = True) -> None:
        super().__init__()
        size, hidden = spec.inputs[0].embedding_size, spec.hidden_size
        self.read = nn.Embedding(spec.inputs[0].size, size, padding_idx=0)
        self.said = nn.Embedding(spec.inputs[1].size, size, padding_idx=0)
        self.scale = 0.5 * size**0.5
        self.encoder = nn.GRU(size, hidden, batch_first=True, bidirectional=True)
        self.reader = nn.GRU(size, hidden, batch_first=True)
        self.writer = nn.GRU(3 * hidden, hidden, batch_first=True) if writer else None
        self.bridge = nn.Linear(2 * hidden, 2 * hidden)
        self.keys = nn.Linear(2 * hidden, hidden)
        self.project = nn.Linear(3 * hidden, size)
        self.bias = nn.Parameter(torch.zeros(spec.output_shape[0]))
        self.dropout = nn.Dropout(spec.dropout)
        for table in (self.read, self.said):
            nn.init.normal_(table.weight, std=size**-0.5)

    def take_weights(self, weights) -> None:
        """Those of a network of seqcli, so that both write the same."""
        own = {name: torch.from_numpy(values) for name, values in weights.items()}
        names = {"read.weight": "embeddings.0.weight", "said.weight": "embeddings.1.weight", "bias": "bias"}
        for mine, theirs in (("bridge", "bridge"), ("keys", "attention.keys"), ("project", "project")):
            names |= {f"{mine}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")}
        for mine, theirs in (
            ("encoder.{}_l0", "encoder.layers.0.forward_cell.{}"),
            ("encoder.{}_l0_reverse", "encoder.layers.0.backward_cell.{}"),
            ("reader.{}_l0", "reader.{}"),
            ("writer.{}_l0", "writer.{}"),
        ):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                names[mine.format(kind)] = theirs.format(kind)
        self.load_state_dict({mine: own[theirs] for mine, theirs in names.items()})

    def memory(self, batch):
        source, lengths = torch.from_numpy(batch["source"]), torch.from_numpy(batch["lengths"])
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.read(source) * self.scale), lengths, batch_first=True, enforce_sorted=False
        )
        memory, _ = nn.utils.rnn.pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        states = torch.tanh(self.bridge(memory.sum(1) / lengths[:, None])).chunk(2, dim=-1)
        memory = self.dropout(memory)
        hidden = torch.arange(source.shape[1]) >= lengths[:, None]
        return memory, self.keys(memory), hidden[:, None], [state[None].contiguous() for state in states]

    def decode(self, written, memory, keys, hidden, states):
        h, first = self.reader(self.dropout(self.said(written) * self.scale), states[0])
        h = self.dropout(h)
        scores = (h @ keys.transpose(1, 2) / math.sqrt(h.shape[-1])).masked_fill(hidden, -1e9)
        context = torch.softmax(scores, dim=-1) @ memory
        g, second = (h, states[1])
        if self.writer is not None:
            g, second = self.writer(torch.cat([h, context], dim=-1), states[1])
            g = self.dropout(g)
        said = self.project(torch.cat([g, context], dim=-1))
        return said @ self.said.weight.t() + self.bias, [first, second]

    @torch.inference_mode()
    def beam(self, batch, beams: int, limit: int) -> list[list[int]]:
        """A batched beam search: all beams of all sentences to the end of the longest."""
        self.eval()
        memory, keys, hidden, states = self.memory(batch)
        count = len(memory)
        memory, keys, hidden = (each.repeat_interleave(beams, 0) for each in (memory, keys, hidden))
        states = [state.repeat_interleave(beams, 1) for state in states]
        sums = torch.full((count, beams), -1e9)
        sums[:, 0] = 0
        ids = torch.full((count * beams, 1), END)
        done = torch.zeros(count * beams, dtype=torch.bool)
        lengths = torch.ones(count * beams)
        for _ in range(limit):
            logits, states = self.decode(ids[:, -1:], memory, keys, hidden, states)
            chances = logits[:, 0].log_softmax(-1)
            chances[:, :END] = -1e9
            chances[done] = -1e9
            chances[done, END] = 0
            total = (sums.view(-1, 1) + chances).view(count, -1)
            sums, best = total.topk(beams, dim=1)
            size = chances.shape[1]
            rows = (best // size + torch.arange(count)[:, None] * beams).view(-1)
            token = (best % size).view(-1)
            ids = torch.cat([ids[rows], token[:, None]], dim=1)
            states = [state[:, rows] for state in states]
            lengths = lengths[rows] + ~done[rows]
            done = done[rows] | (token == END)
            if bool(done.view(count, beams).all()):
                break
        chosen = (sums / lengths.view(count, beams)).argmax(1) + torch.arange(count) * beams
        return [row[1:].tolist() for row in ids[chosen]]

    def texts(self, examples, spelling, beams: int, limit: int) -> list[str]:
        found: list[str] = [""] * len(examples)
        for rows in np.array_split(np.argsort(examples.lengths), math.ceil(len(examples) / PAIRS)):
            for row, ids in zip(rows, self.beam(examples.batch(rows), beams, limit), strict=True):
                found[row] = spelling.decode(ids)
        return found


class PlainTrainer:
    """Adam, clipping, cross-entropy that leaves padding out."""

    def __init__(self, network: PlainTranslator, rate: float) -> None:
        self.network, self.optimizer = network, torch.optim.Adam(network.parameters(), lr=rate)

    def step(self, batch) -> None:
        self.network.train()
        self.optimizer.zero_grad()
        *read, states = self.network.memory(batch)
        logits, _ = self.network.decode(torch.from_numpy(batch["written"]), *read, states)
        target = torch.from_numpy(batch[TARGET])
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=0, label_smoothing=0.1)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()


def plain_batches(examples, size: int, seed: int) -> list[np.ndarray]:
    """Pairs sorted by length, in batches of so many, shuffled."""
    order = np.argsort(examples.lengths, kind="stable")
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[at] for at in np.random.default_rng(seed).permutation(len(batches))]


def learn_plainly(network: PlainTranslator, examples, seconds: float) -> None:
    """Passes over all pairs until the time is up."""
    trainer, end = PlainTrainer(network, PLAIN_LR), time.monotonic() + seconds
    for batch in endless(examples):
        if time.monotonic() > end:
            return
        trainer.step(batch)


def endless(examples) -> Iterator[dict]:
    epoch = 0
    while True:
        for rows in plain_batches(examples, PLAIN_BATCH, epoch):
            yield examples.batch(rows)
        epoch += 1
