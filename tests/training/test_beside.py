"""What a training reads beside its data is known by its content, so that a resumed one finds the same."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from seqcli.cli.main import main
from seqcli.options import Options, SavingOptions
from seqcli.training import beside
from seqcli.training.beside import digests_beside
from seqcli.training.checkpoint import CheckpointStore
from seqcli.training.run import train

WORDS = ["good", "bad", "very", "film", "the", "was", "dull", "bright"]


def digest(**values) -> dict[str, str]:
    return digests_beside(Options.from_flat(values))


def test_a_file_is_known_by_its_content_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(beside, "PIECE", 3)
    content = b"good .5 .25\nbad .1 .2\n"
    (tmp_path / "a.txt").write_bytes(content)
    (tmp_path / "b.txt").write_bytes(content)
    known = hashlib.sha256(content).hexdigest()
    assert digest(vectors=str(tmp_path / "a.txt")) == {"vectors": known}
    assert digest(pretrain=str(tmp_path / "b.txt")) == {"pretrain": known}
    assert digest() == digest(pretrain="none") == digest(pretrain="training") == {}


def test_a_folder_is_known_by_the_names_and_contents_of_its_files(tmp_path) -> None:
    def of(folder: str, files: dict[str, str]) -> dict[str, str]:
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return digest(pretrain=str(tmp_path / folder))

    first = of("one", {"pos/1.txt": "good", "neg/1.txt": "bad"})
    assert len(first["pretrain"]) == 64
    assert of("two", {"neg/1.txt": "bad", "pos/1.txt": "good"}) == first
    others = [
        of("three", {"pos/1.txt": "good", "neg/1.txt": "dull"}),
        of("four", {"pos/1.txt": "good", "neg/2.txt": "bad"}),
        of("one", {"neg/2.txt": "bad"}),
    ]
    assert all(other != first for other in others)


def test_a_pipe_is_left_to_be_read(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert digest(pretrain=str(tmp_path / "pipe")) == {}  # and it did not wait for a writer


@pytest.mark.parametrize("option", ["pretrain", "vectors"])
def test_a_resumed_training_refuses_a_file_that_changed(tmp_path, monkeypatch, capsys, option) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CheckpointStore, "due", lambda self, epoch_end: True)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=6)) for _ in range(60)]
    rows = [f"{text},{'ab'[k % 2]}" for k, text in enumerate(texts)]
    Path("texts.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    lines = texts if option == "pretrain" else [f"{word} 1 2 {k}" for k, word in enumerate(WORDS)]
    other = Path("other.txt")
    other.write_text("\n".join(lines) + "\n")
    values = {"hidden_size": 4, "epochs": 2, "threads": 1, option: "other.txt"}
    events = train(["texts.csv"], Options.from_flat(values), SavingOptions(), frozenset(values))
    for _ in range(4):
        next(events)
    events.close()
    kept = other.read_text()
    other.write_text(kept + lines[0] + "\n")
    assert main(["train", "texts.csv", "--resume", "-q"]) == 3
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"other.txt, which --{option} names, has changed since the interrupted training began",
        "hint: put it back, or leave out --resume to start anew",
    ]
    other.write_text(kept)
    assert main(["train", "texts.csv", "--resume", "-q"]) == 0
