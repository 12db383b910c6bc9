"""The forms of texts, on samples that were made up."""

from __future__ import annotations

import io
import json

import pytest

from seqcli.inference.generate import Sample, Token
from seqcli.options import OutputOptions
from seqcli.reporting.texts import text_format, write_texts


def samples(*texts: str):
    for text in texts:
        yield Sample([Token(character, -0.25, -1 / 3) for character in text], len(text))


def written(form: str, *texts: str, prompt: str = "P ", apart: str = "\n") -> str:
    stream = io.StringIO()
    write_texts(samples(*texts), prompt, stream, form, apart)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("format", "output", "form"),
    [
        (None, None, "text"),
        (None, "-", "text"),
        (None, "a.txt", "text"),
        (None, "a.csv.txt", "text"),
        (None, "csv", "text"),
        (None, "a.CSV", "csv"),
        (None, "a.json", "json"),
        (None, "a.jsonl", "jsonl"),
        ("csv", None, "csv"),
        ("table", "a.json", "table"),
    ],
)
def test_the_form_is_text_unless_another_is_named(format, output, form) -> None:
    assert text_format(OutputOptions(format=format, output=output)) == form


def test_plain_texts() -> None:
    assert written("text", "ab") == "P ab\n"
    assert written("text", "ab", "c\n", "d") == "P ab\n\nP c\n\n\nP d\n"
    assert written("text", "ab", "c", apart="") == "P ab\nP c\n"


def test_records() -> None:
    records = [json.loads(line) for line in written("jsonl", "aé", "").splitlines()]
    assert records[0] == {
        "sample": 1,
        "prompt": "P ",
        "text": "aé",
        "ended": "length",
        "tokens": [
            {"token": "a", "logprob": -0.25, "sampled_logprob": -0.333333},
            {"token": "é", "logprob": -0.25, "sampled_logprob": -0.333333},
        ],
    }
    assert records[1]["tokens"] == []
    for texts in (("aé", ""), ("aé",)):
        assert json.loads(written("json", *texts)) == records[: len(texts)]


def test_rows() -> None:
    rows = written("csv", "a\nb", "c").splitlines()
    assert rows == [
        "sample,prompt,text,ended,tokens,logprob",
        '1,P ,"a',
        'b",length,3,-0.75',
        "2,P ,c,length,1,-0.25",
    ]
    assert "logprob" in written("table", "a\nb")
