"""Spoken digits with default flags, beside a plain BiLSTM on log-mel frames, in the same run.

    python benchmarks/sequences_speech.py --data DIR [--seeds 0 1 2] [--only digits speakers strings]

DIR/speech/recordings holds ``{digit}_{speaker}_{take}.wav`` of the Free Spoken Digit Dataset: takes 0 to 4
are the test part, and are read once.

digits      ``seqcli train train.csv --target digit --test test.csv``: accuracy
speakers    the same, trained on all speakers but one and tested on all takes of that one; the mean of the
            errors, each speaker once (``--group speaker`` would keep one of the other three out of training,
            to choose on; the plain BiLSTM learns from all three too)
strings     ``seqcli train strings.csv --test … --time-budget 2m``: strings of 2 to 5 digits of one speaker,
            with short silences between them, 3,000 made of training takes and 300 of test takes by a fixed
            seed; edits a digit

bilstm      a plain torch BiLSTM of 128 units on the same 40 log-mel bands, scaled by the training part; mean
            over time, Adam 2e-3, batches of 32, 15 epochs
ctc         the same with an answer at each step, 2 layers, torch's CTC and greedy decoding, for as long
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqcli.demo.tones import write_wav
from seqcli.preprocessing.mel import log_mel
from seqcli.readers.wav import read_wav
from seqcli.tasks.speech.ctc import greedy
from seqcli.tasks.speech.metrics import edits

TEST_TAKES = 5
STRINGS = (3000, 300)
BUDGET = 120
RATE = 8000


class Clip(NamedTuple):
    path: Path
    digit: str
    speaker: str
    take: int


def recordings(data: Path) -> list[Clip]:
    """All clips, by name."""
    found = []
    for path in sorted((data / "speech" / "recordings").glob("*.wav")):
        digit, speaker, take = path.stem.split("_")
        found.append(Clip(path, digit, speaker, int(take)))
    if not found:
        raise SystemExit(f"{data}/speech/recordings: no wav files")
    return found


def manifest(path: Path, rows: Iterable[Sequence[str]], header: Sequence[str]) -> Path:
    """Write a manifest."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def of_clips(path: Path, clips: Iterable[Clip]) -> Path:
    """A manifest of single digits."""
    return manifest(path, ((str(c.path), c.digit, c.speaker) for c in clips), ("audio", "digit", "speaker"))


def strings(folder: Path, name: str, clips: Sequence[Clip], count: int, seed: int) -> Path:
    """A manifest of ``count`` strings of 2 to 5 digits, whose sound is written beside it."""
    rng = np.random.default_rng(seed)
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    speakers, held, rows = sorted(by_speaker), {}, []
    for number in range(count):
        own = by_speaker[speakers[int(rng.integers(len(speakers)))]]
        chosen = [own[int(place)] for place in rng.integers(len(own), size=int(rng.integers(2, 6)))]
        parts = []
        for clip in chosen:
            if clip.path not in held:
                held[clip.path] = read_wav(clip.path).samples
            parts += [held[clip.path], np.zeros(int(rng.uniform(0.02, 0.15) * RATE), np.float32)]
        path = folder / name / f"{number}.wav"
        write_wav(path, np.concatenate(parts), RATE)
        rows.append((str(path), "".join(clip.digit for clip in chosen), chosen[0].speaker))
    return manifest(folder / f"{name}.csv", rows, ("audio", "text", "speaker"))


def by_seqcli(train: Path, test: Path, options: Sequence[str], seed: int, metric: str) -> tuple[float, float]:
    """What ``seqcli train`` prints of its network, and seconds."""
    begun = time.monotonic()
    typed = ["train", str(train), "--test", str(test), "--seed", str(seed), *options]
    line = [sys.executable, "-m", "seqcli", *typed, "--save", f"{train}.seqcli", "--force"]
    done = subprocess.run([*line, "--format", "json", "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(json.loads(done.stdout)[0][metric]), time.monotonic() - begun


def read_manifest(path: Path) -> tuple[list[Any], list[str]]:
    """Frames (T, 40) and answers."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [log_mel(read_wav(row[0]).samples, RATE, 40) for row in rows], [row[1] for row in rows]


def by_plain(train: Path, test: Path, seed: int, ctc: bool, seconds: float) -> tuple[float, float]:
    """A plain BiLSTM: accuracy after 15 epochs, or with ``ctc`` edits a digit after so many seconds."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pad_sequence

    torch.manual_seed(seed)
    begun = time.monotonic()
    (frames, said), (asked, true) = read_manifest(train), read_manifest(test)
    whole = np.concatenate(frames)
    mean, spread = whole.mean(axis=0), whole.std(axis=0)
    x, other = ([torch.tensor((f - mean) / spread) for f in part] for part in (frames, asked))
    net = nn.LSTM(40, 128, 2 if ctc else 1, batch_first=True, bidirectional=True)
    head = nn.Linear(256, 11 if ctc else 10)
    adam = torch.optim.Adam([*net.parameters(), *head.parameters()], 2e-3)

    def answered(part: list[Any]) -> tuple[Any, Any]:
        lengths = torch.tensor([len(row) for row in part])
        outputs = net(pad_sequence(part, batch_first=True))[0]
        if ctc:
            return head(outputs), lengths
        valid = (torch.arange(outputs.shape[1]) < lengths[:, None])[..., None]
        return head((outputs * valid).sum(1) / lengths[:, None]), lengths

    order, epoch, fitting = np.random.default_rng(seed), 0, time.monotonic()
    while epoch < 15 if not ctc else time.monotonic() - fitting < seconds:
        epoch += 1
        for rows in np.array_split(order.permutation(len(x)), max(len(x) // 32, 1)):
            if ctc and time.monotonic() - fitting >= seconds:
                break
            outputs, lengths = answered([x[row] for row in rows])
            texts = [said[row] for row in rows]
            target = torch.tensor([int(mark) + ctc for text in texts for mark in text])
            if ctc:
                logs = outputs.log_softmax(-1).transpose(0, 1)
                sizes = torch.tensor([len(text) for text in texts])
                loss = nn.functional.ctc_loss(logs, target, lengths, sizes, zero_infinity=True)
            else:
                loss = nn.functional.cross_entropy(outputs, target)
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()
    wrong = total = 0
    with torch.inference_mode():
        for row, text in zip(other, true, strict=True):
            outputs = answered([row])[0][0].numpy()
            if ctc:
                wrong += edits(text, "".join(str(symbol - 1) for symbol in greedy(outputs)))
                total += len(text)
            else:
                wrong, total = wrong + (int(outputs.argmax()) != int(text)), total + 1
    share = wrong / total
    return share if ctc else 1 - share, time.monotonic() - begun


def show(name: str, who: str, found: list[tuple[float, float]], bars: str = "") -> None:
    """One line: the mean, the range over seeds, seconds."""
    values = [value for value, _ in found]
    mean, seconds = statistics.fmean(values), statistics.fmean(second for _, second in found)
    spread = f"{min(values):.4f}-{max(values):.4f}"
    print(f"{name:9} {who:7} {mean:9.4f} {spread:>15} {seconds:8.0f}   {bars}", flush=True)


def digits(clips: list[Clip], folder: Path, seeds: list[int], alone: bool) -> None:
    """Takes 0 to 4 of all speakers are the test."""
    train = of_clips(folder / "train.csv", (clip for clip in clips if clip.take >= TEST_TAKES))
    test = of_clips(folder / "test.csv", (clip for clip in clips if clip.take < TEST_TAKES))
    options = ("--target", "digit")
    found = [by_seqcli(train, test, options, seed, "accuracy") for seed in seeds]
    show("digits", "seqcli", found, ">= .98 must, .995 target")
    if not alone:
        show("digits", "bilstm", [by_plain(train, test, seed, False, 0) for seed in seeds])


def speakers(clips: list[Clip], folder: Path, seeds: list[int], alone: bool) -> None:
    """Each speaker in turn is the test."""
    found: dict[str, list[tuple[float, float]]] = {"seqcli": [], "bilstm": []}
    for left in sorted({clip.speaker for clip in clips}):
        train = of_clips(folder / f"not_{left}.csv", (clip for clip in clips if clip.speaker != left))
        test = of_clips(folder / f"only_{left}.csv", (clip for clip in clips if clip.speaker == left))
        options = ("--target", "digit")
        for seed in seeds:
            tries: dict[str, Callable[[], tuple[float, float]]] = {
                "seqcli": lambda: by_seqcli(train, test, options, seed, "accuracy"),  # noqa: B023
                "bilstm": lambda: by_plain(train, test, seed, False, 0),  # noqa: B023
            }
            for who in ["seqcli"] if alone else tries:
                right, seconds = tries[who]()
                found[who].append((1 - right, seconds))
                print(f"  without {left}, seed {seed}: {who} errs on {1 - right:.4f}", flush=True)
    show("speakers", "seqcli", found["seqcli"], "errors: <= .6 x bilstm must, .3 x target")
    if not alone:
        show("speakers", "bilstm", found["bilstm"])
        ratio, plain = (statistics.fmean(error for error, _ in found[who]) for who in found)
        print(f"{'speakers':9} {'ratio':7} {ratio / plain:9.3f}")


def in_strings(clips: list[Clip], folder: Path, seeds: list[int], alone: bool) -> None:
    """Strings of digits, by CTC."""
    parts = (
        [clip for clip in clips if clip.take >= TEST_TAKES],
        [clip for clip in clips if clip.take < TEST_TAKES],
    )
    train, test = (
        strings(folder, name, part, count, seed)
        for name, part, count, seed in zip(("strings", "asked"), parts, STRINGS, (11, 12), strict=True)
    )
    options = ("--time-budget", f"{BUDGET}s", "--no-refit")
    found = [by_seqcli(train, test, options, seed, "cer") for seed in seeds]
    show("strings", "seqcli", found, "<= .010 must, .002 target")
    if not alone:
        show("strings", "ctc", [by_plain(train, test, seed, True, BUDGET) for seed in seeds])


BARS = {"digits": digits, "speakers": speakers, "strings": in_strings}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of public data sets, as above")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=list(BARS), default=list(BARS))
    parser.add_argument("--seqcli-alone", action="store_true", help="leave out what stands beside it")
    arguments = parser.parse_args()
    clips = recordings(arguments.data)
    print(f"{'set':9} {'who':7} {'mean':>9} {'range':>15} {'seconds':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only:
            BARS[name](clips, Path(folder), arguments.seeds, arguments.seqcli_alone)


if __name__ == "__main__":
    main()
