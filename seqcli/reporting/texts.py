"""Texts as they are written: characters on a screen or in a pipe at once, or one record a text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from seqcli.options import OutputOptions
from seqcli.reporting.results import RowWriter, result_format
from seqcli.reporting.screen import is_terminal

if TYPE_CHECKING:
    from seqcli.inference.generate import Sample

TEXT = "text"
_COLUMNS = ("sample", "prompt", "text", "ended", "tokens", "logprob")
_CONTROLS = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]")
"""Characters that would steer a terminal instead of being shown."""
_DIGITS = 6


def text_format(output: OutputOptions) -> str:
    """The form of the result: plain text unless another was asked for or the file's name has one."""
    form = result_format(output)
    named = str(output.output).lower().endswith(f".{form}")
    return form if output.format or named else TEXT


def write_texts(samples: Iterator[Sample], prompt: str, stream: IO[str], form: str, apart: str) -> None:
    """Write each of ``samples`` as it comes, in ``form``; ``apart`` stands between two plain texts."""
    if form == TEXT:
        _write_plain(samples, prompt, stream, apart)
    elif form in ("json", "jsonl"):
        _write_records(samples, prompt, stream, form)
    else:
        writer = RowWriter(_COLUMNS, form, stream, computed=4)
        for number, sample in enumerate(samples, start=1):
            text = "".join(sample)
            logprob = round(sum(token.logprob for token in sample.tokens), _DIGITS)
            writer.write((number, prompt, text, sample.ended, len(sample.tokens), logprob))
            writer.flush()
        writer.close()


def write_prompted(sample: Sample, prompt: str, stream: IO[str]) -> None:
    """One text after a ``prompt`` that was typed; Ctrl-C ends it, and nothing else."""
    show = _shower(stream)
    with suppress(KeyboardInterrupt):
        show(prompt)
        for piece in sample:
            show(piece)
    if not sample.text.endswith("\n"):
        show("\n")


def _shower(stream: IO[str]) -> Callable[[str], None]:
    """What writes text to ``stream`` at once; a terminal is not steered by it."""
    on_screen = is_terminal(stream)

    def show(text: str) -> None:
        stream.write(_CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text) if on_screen else text)
        stream.flush()

    return show


def _write_plain(samples: Iterator[Sample], prompt: str, stream: IO[str], apart: str) -> None:
    """The prompt and what follows it, piece by piece, and a line break behind each text."""
    show = _shower(stream)
    for number, sample in enumerate(samples):
        show((apart if number else "") + prompt)
        try:
            for piece in sample:
                show(piece)
        except KeyboardInterrupt:
            show("\n")  # so that what is said of it gets a line of its own
            raise
        show("\n")


def _write_records(samples: Iterator[Sample], prompt: str, stream: IO[str], form: str) -> None:
    """One JSON object a text, with every token that was drawn."""
    ahead, between, end = ("", "", "") if form == "jsonl" else ("[\n  ", ",\n  ", "\n]\n")
    for number, sample in enumerate(samples, start=1):
        record = {
            "sample": number,
            "prompt": prompt,
            "text": "".join(sample),
            "ended": sample.ended,
            "tokens": [
                {
                    "token": token.text,
                    "logprob": round(token.logprob, _DIGITS),
                    "sampled_logprob": round(token.sampled_logprob, _DIGITS),
                }
                for token in sample.tokens
            ],
        }
        stream.write((ahead if number == 1 else between) + json.dumps(record, ensure_ascii=False))
        stream.write("\n" if form == "jsonl" else "")
        stream.flush()
    stream.write(end)
