"""Generated pages are what the program says now, and README's commands run as typed."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seqcli.demo.samples import write_sample

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["commands", "rules"])
def test_generated_page_is_up_to_date(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGES[page]() == (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def readme_lines() -> list[str]:
    """Every command in README's sh blocks, and the pipes in its sentences."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return lines + [code for code in re.findall(r"`([^`\n]+)`", text) if code.startswith("tail ")]


def music_lines() -> list[str]:
    """Every command in the sh block of the page on music."""
    text = (ROOT / "docs" / "music.md").read_text(encoding="utf-8")
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]


def test_readme_commands_run_as_typed(tmp_path: Path) -> None:
    """On smaller files of the names README uses, for two epochs; ``seqcli`` is this interpreter's."""
    for name, rows in (("reviews.csv", 400), ("prices.csv", 400), ("corpus.txt", 60)):
        write_sample(name, tmp_path)
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines(keepends=True)[: rows + 1]
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    write_sample("tunes", tmp_path)
    shutil.copy(tmp_path / "reviews.csv", tmp_path / "new.csv")
    shutil.copy(tmp_path / "reviews.csv", tmp_path / "labelled.csv")
    (tmp_path / "reviews.jsonl").write_text('{"review": "The story was clever."}\n', encoding="utf-8")
    lines = [*readme_lines(), *music_lines()]
    assert len(lines) >= 7
    python = f'seqcli() {{ "{sys.executable}" -m seqcli "$@"; }}\nset -o pipefail\n'
    for line in lines:
        short = re.sub(
            r"^seqcli (train|forecast|generate|inspect-gradients) (?=\w)(?!.* -m)",
            r"seqcli \1 --epochs 2 ",
            line,
        )
        shell = python + re.sub(r"^tail (-n \+1 )?-f ", "cat ", short)
        ended = subprocess.run(
            ["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode in ((0, 141) if "| head" in line else (0,)), f"{line}\n{ended.stderr}"
        assert "Traceback" not in ended.stderr
    assert (tmp_path / "next.jsonl").read_text(encoding="utf-8").count("\n") == 10
