"""Where packages of a training are not installed, what needs them says so, and the rest goes on."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from seqcli.cli.missing import FOR_TRAINING, missing_package

ROOT = Path(__file__).parents[2]
HIDE = "import sys; sys.modules.update(dict.fromkeys({hidden!r})); from seqcli.cli.main import main; "


def without(hidden: tuple[str, ...], *argv: str) -> tuple[int, str, str]:
    """One command line in a process that cannot import ``hidden``."""
    code = HIDE.format(hidden=hidden) + f"raise SystemExit(main({list(argv)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_training_names_the_command_that_installs_what_is_missing() -> None:
    file = str(ROOT / "tests/golden/classify_words.csv")
    code, out, err = without(("torch", "onnx", "safetensors"), "train", file, "--dry-run")
    assert (code, out) == (2, "")
    assert err.splitlines()[-2:] == [
        "train needs torch, which is not installed: saved models are used here, none trained",
        "hint: pip install 'torch>=2.9,<2.14' 'onnx>=1.16' 'safetensors>=0.4.3'",
    ]


def test_show_tells_what_is_not_installed(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = without(("torch",), "show", "--format", "csv")
    assert code == 0
    assert "device,none to train on: torch is not installed" in out


def test_another_module_is_a_bug_as_ever() -> None:
    assert missing_package(ModuleNotFoundError("x", name="nothing_like_it"), "train") is None


def requirements() -> dict[str, str]:
    """Package → version of requirements-predict.txt, each pinned."""
    lines = (ROOT / "requirements-predict.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_the_pinned_packages_are_those_that_are_tested() -> None:
    constraints = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    for name, version in requirements().items():
        assert constraints.get(name, version) == version
    assert not {"torch", "pandas", "scikit-learn", "scipy", "onnx"} & set(requirements())


def test_all_that_the_project_needs_is_for_training_or_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    called = {"sklearn": "scikit-learn"}
    for_training = {called.get(name, name): asked for name, asked in FOR_TRAINING.items()}
    for asked in project["dependencies"]:
        name = re.split("[<>=]", asked)[0]
        assert (name in requirements()) != (name in for_training), name
        assert for_training.get(name, asked) == asked
    assert set(for_training) <= {re.split("[<>=]", asked)[0] for asked in project["dependencies"]}


@pytest.mark.parametrize("target", [".ci/run", "Makefile"])
def test_the_installation_without_torch_is_part_of_what_is_run(target) -> None:
    assert "predict-only" in (ROOT / target).read_text()
