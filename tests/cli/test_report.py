"""``show MODEL -o report.html``: one page that fetches nothing, with the model's numbers on it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from command_lines import rows_of, run

from seqcli.inference.evaluate import measure
from seqcli.inference.reliability import reliability
from seqcli.model_dir import read_model
from seqcli.options import ReadingOptions
from seqcli.readers.read import read_table

GOLDEN = Path(__file__).parent.parent / "golden"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
EMPTY = {"meta", "link", "line", "rect", "path", "circle", "br"}


class Page(HTMLParser):
    """Elements and texts of a page whose tags must close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.texts.append(data.strip())

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.found)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report_on(capsys, name: str, data: bool) -> str:
    more = ("--data", str(GOLDEN / f"{name}.csv")) if data else ()
    code, out, err = run(capsys, "show", str(GOLDEN / f"{name}.seqcli"), *more, "-o", "report.html")
    assert (code, out) == (0, ""), err
    return Path("report.html").read_text(encoding="utf-8")


def check_alone(text: str) -> Page:
    """A page that is well-formed, small, and names nothing outside itself."""
    page = Page(text)
    assert len(text.encode()) < 2_000_000
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not {"script", "img", "iframe", "object", "form", "base"} & {tag for tag, _ in page.found}
    for tag, attributes in page.found:
        assert not any(name.startswith("on") for name in attributes)
        assert not {"src", "srcset", "action", "xlink:href"} & set(attributes)
        assert "href" not in attributes or (tag, attributes["href"]) == ("link", "data:,")
    assert "url(" not in text
    assert "@import" not in text
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [name for _, found in page.found for name in found.get("aria-labelledby", "").split()]
    assert set(named) <= set(ids)
    return page


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.seqcli")))
def test_every_golden_model_has_a_report(name, capsys) -> None:
    page = check_alone(report_on(capsys, name, False))
    assert f"{name}.seqcli" in page.texts
    assert {"The model", "Data", "Training", "Test"} <= set(page.texts)
    assert page.count("svg") >= 3


def test_the_numbers_of_the_page_are_those_of_the_model(capsys) -> None:
    text = report_on(capsys, "classify_words", False)
    page = check_alone(text)
    shown = rows_of(run(capsys, "show", str(GOLDEN / "classify_words.seqcli"))[1])
    assert next(row["value"] for row in shown if row["item"] == "network") in page.texts
    for values in read_model(GOLDEN / "classify_words.seqcli").record["metrics"].values():
        for value in values.values():
            assert any(
                re.fullmatch(r"[\d.]+", cell) and abs(float(cell) - value) < 1e-5 for cell in page.texts
            )
    assert "ago" not in text


def test_a_file_adds_confusion_reliability_and_mistakes(capsys) -> None:
    text = report_on(capsys, "classify_words", True)
    page = check_alone(text)
    assert page.count("svg") == 6
    assert {"Confusion matrix", "Reliability: share right by probability"} <= set(page.texts)
    assert "<h3>Worst mistakes</h3>" in text
    model = read_model(GOLDEN / "classify_words.seqcli")
    table = read_table([str(GOLDEN / "classify_words.csv")], ReadingOptions())
    answered = rows_of(run(capsys, "predict", str(GOLDEN / "classify_words.csv"), "-m", str(model.path))[1])
    sure = sorted((float(row["probability"]), row["prediction"] == row["label"]) for row in answered)
    measured = measure(model, table)
    bins = reliability(measured.task, measured.outputs, measured.examples)
    assert [count for _, _, count in bins] == [2] * 10
    for (mean, right, _), pair in zip(bins, (sure[at : at + 2] for at in range(0, 20, 2)), strict=True):
        assert mean == pytest.approx(np.mean([chance for chance, _ in pair]), abs=1e-5)
        assert right == np.mean([was_right for _, was_right in pair])


def test_a_file_adds_a_forecast(capsys) -> None:
    text = report_on(capsys, "forecast_panel", True)
    check_alone(text)
    assert "Forecast of volume" in text
    assert '<div class="figure wide">' in text


def test_hostile_names_stay_text(capsys, tmp_path) -> None:
    """A model whose strings try to leave their place, digests made anew."""
    import hashlib

    target = tmp_path / "a&b<i>.seqcli"
    shutil.copytree(GOLDEN / "classify_words.seqcli", target)
    evil = '</title></svg><script>alert(1)</script><img src="http://evil.example/x" onerror=alert(1)>`<b>`'
    record = json.loads((target / "model.json").read_text())
    record["data"]["source"] = evil
    record["task"]["plan"]["target"] = [evil]
    record["metrics"] = {evil: {evil: 0.5}}
    (target / "README.md").write_text(
        f"# x\n## Data\n- {evil}\n```sh\n{evil}\n```\n## {evil}\n- x\n## Use\n```\nopen"
    )
    line = {
        "phase": "fit",
        "epoch": "1",
        "train_loss": evil,
        "validation_loss": 1e308,
        f"validation_{evil}": 0.5,
    }
    odd = {"epoch": 2**62, "validation_loss": -1e308, "best": True}
    (target / "history.jsonl").write_text(json.dumps(line) + "\n" + json.dumps(odd) + "\n")
    for name, entry in record["files"].items():
        data = (target / name).read_bytes()
        entry.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    (target / "model.json").write_text(json.dumps(record))
    code, out, err = run(capsys, "show", str(target), "-o", "report.html")
    assert (code, out) == (0, ""), err
    text = Path("report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "img", "b", "i"} & {tag for tag, _ in page.found}
    assert evil.replace("`", "") in "".join(page.texts).replace("`", "")
    assert "nan" not in text.lower().replace("nano", "")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--equations", "-o", "r.html"), "--equations is no part of a report"),
        (("--trace", "a b", "-o", "r.html"), "--trace is no part of a report"),
        (("--format", "json", "-o", "r.html"), "a report is a page of HTML"),
        (("--data", "x.csv"), "--data goes into a report"),
        (("-o", "nowhere/r.html"), "there is no directory nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused(typed, said, capsys) -> None:
    code, out, err = run(capsys, "show", str(GOLDEN / "classify_words.seqcli"), *typed)
    assert (code, out) == (2, "")
    assert said in err
    assert not Path("r.html").exists()


def test_no_page_is_left_where_the_file_cannot_be_read(capsys) -> None:
    model = str(GOLDEN / "classify_words.seqcli")
    code, out, err = run(capsys, "show", model, "--data", "x.csv", "-o", "r.html")
    assert (code, out, list(Path().iterdir())) == (3, "", [])
    assert "x.csv" in err


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed here")
@pytest.mark.parametrize("name", ["classify_words", "forecast_panel"])
def test_a_browser_draws_it_without_complaint(name, capsys, tmp_path) -> None:
    """Its console stays empty, and every chart is in the tree that it made.

    The page's own policy forbids it to load anything, and what it tried to load would be on the console.
    """
    report_on(capsys, name, True)
    line = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
        "--window-size=390,800",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        (tmp_path / "report.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr
    written = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert done.stdout.count("<svg") == written.count("<svg") > 3
    assert "Learning rate" in done.stdout


def test_a_card_says_what_is_heard_and_what_was_turned_off(capsys) -> None:
    card = {
        row["item"]: row["value"]
        for row in rows_of(run(capsys, "show", str(GOLDEN / "transcribe.seqcli"))[1])
    }
    assert card["inputs"] == "audio"
    copy = Path("off.seqcli")
    shutil.copytree(GOLDEN / "transcribe.seqcli", copy)
    record = json.loads((copy / "model.json").read_text(encoding="utf-8"))
    record["typed"] = ["refit"]
    record["options"]["refit"] = False
    (copy / "model.json").write_text(json.dumps(record), encoding="utf-8")
    card = {row["item"]: row["value"] for row in rows_of(run(capsys, "show", "off.seqcli")[1])}
    assert card["typed: --no-refit"] == "yes"
