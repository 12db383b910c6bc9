"""Habits that are counted: sizes, docstrings, registries, options that something reads."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

import seqcli
import seqcli.options
import seqcli.options_use
from seqcli.backends.losses import LOSSES
from seqcli.backends.registry import CELLS
from seqcli.options import Options
from seqcli.preprocessing.scaling import SCALERS
from seqcli.readers.registry import FORMATS
from seqcli.tasks.registry import TASKS

ROOT = Path(seqcli.__file__).parent
SOURCES = {
    path.relative_to(ROOT.parent).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(ROOT.rglob("*.py"))
}
TREES = {path: ast.parse(source) for path, source in SOURCES.items()}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 400, 60, 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def parameters(function: Function) -> list[ast.arg]:
    every = function.args
    named = [*every.posonlyargs, *every.args, *every.kwonlyargs]
    named += [extra for extra in (every.vararg, every.kwarg) if extra]
    return [parameter for parameter in named if parameter.arg not in ("self", "cls")]


def public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """What a module or class offers to others, methods of its public classes included."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def offered() -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """All that is public, each with where it stands."""
    for path, tree in TREES.items():
        for node in public(tree.body):
            yield f"{path}:{node.lineno} {node.name}", node


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {path: len(source.splitlines()) for path, source in SOURCES.items()}
    assert len(lengths) > 100
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_function_is_long_or_takes_many_parameters() -> None:
    large = {}
    for path, tree in TREES.items():
        for function in functions(tree):
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > MOST_FUNCTION_LINES or len(parameters(function)) > MOST_PARAMETERS:
                large[f"{path}:{function.lineno} {function.name}"] = (lines, len(parameters(function)))
    assert large == {}


def test_what_is_public_has_a_docstring() -> None:
    assert [path for path, tree in TREES.items() if not ast.get_docstring(tree)] == []
    assert [where for where, node in offered() if not ast.get_docstring(node)] == []


def test_packages_import_nothing() -> None:
    imports = {
        path: ast.unparse(node)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if path.endswith("__init__.py") and isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imports == {}


# ---- arrays have shapes

ARRAYS = {"NDArray", "Tensor", "ArrayLike"}
AXIS = re.compile(r"\.\.\.|\*\w+|total( steps)?|rows|cells|[BCDEFGHKLMNPRSTV]( \+ 1)?|\d?G·H|n")


def names_in(annotation: ast.AST | None) -> set[str]:
    """Names in an annotation, but for the values of a mapping: arrays by name have any shape."""
    if annotation is None:
        return set()
    if isinstance(annotation, ast.Subscript) and names_in(annotation.value) & {"dict", "Mapping"}:
        return set()
    own = {annotation.id} if isinstance(annotation, ast.Name) else set()
    return own.union(*(names_in(child) for child in ast.iter_child_nodes(annotation)))


def array_names() -> set[str]:
    """NDArray, Tensor, and the names that modules of seqcli gave to kinds of them."""
    found = set(ARRAYS)
    for tree in TREES.values():
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and names_in(node.annotation) == {"TypeAlias"}:
                name, value = node.target, node.value
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
                name, value = node.targets[0], node.value
            else:
                continue
            if isinstance(name, ast.Name) and names_in(value) & ARRAYS:
                found.add(name.id)
    return found


def names_a_shape(text: str) -> bool:
    """Whether some axes stand in parentheses: (B, T, F), (N,), (N, *output_shape), () for a scalar."""
    groups = [group.split(",") for group in re.findall(r"\(([^()]*,[^()]*)\)", text)]
    return "()" in text or any(AXIS.fullmatch(axis.strip()) for group in groups for axis in group)


def described(body: list[ast.stmt], at: int) -> str:
    """The string under the field at ``at`` of a class body."""
    after = body[at + 1] if at + 1 < len(body) else None
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        return str(after.value.value)
    return ""


def test_arrays_in_public_signatures_have_a_shape() -> None:
    arrays, checked, shapeless = array_names(), 0, []
    assert {"IntArray", "FloatArray", "AnyArray", "State"} <= arrays
    for where, node in offered():
        text = ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef):
            for at, field in enumerate(node.body):
                if isinstance(field, ast.AnnAssign) and names_in(field.annotation) & arrays:
                    checked += 1
                    if not names_a_shape(text + described(node.body, at)):
                        shapeless.append(f"{where}: {ast.unparse(field.target)}")
        else:
            annotations = [*(parameter.annotation for parameter in parameters(node)), node.returns]
            if any(names_in(annotation) & arrays for annotation in annotations):
                checked += 1
                if not names_a_shape(text):
                    shapeless.append(where)
    assert checked > 150
    assert shapeless == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Rows (N,).", True),
        ("Scores (B, T, F) → (B,)", True),
        ("Outputs (N, *output_shape)", True),
        ("The loss, ().", True),
        ("(mean, spread)", False),
        ("All of it (at once).", False),
    ],
)
def test_a_shape_is_told_from_other_brackets(text: str, answer: bool) -> None:
    assert names_a_shape(text) is answer


# ---- registries


@pytest.mark.parametrize("registry", [CELLS, TASKS, FORMATS], ids=["cells", "tasks", "formats"])
def test_a_registry_names_classes_that_exist(registry: dict[str, str]) -> None:
    found = [getattr(import_module(place.split(":")[0]), place.split(":")[1]) for place in registry.values()]
    assert all(inspect.isclass(kind) for kind in found)
    assert len(set(found)) == len(registry)


def test_losses_and_scalers_are_registered_under_their_own_names() -> None:
    assert {name: loss.__name__ for name, loss in LOSSES.items()} == {name: name for name in LOSSES}
    assert {name: scaler.name for name, scaler in SCALERS.items()} == {name: name for name in SCALERS}


def test_every_file_of_a_registry_is_in_it() -> None:
    """A cell whose line was forgotten would never be found."""
    bases = {"seqcli/backends/cells": ({"cell", "block", "linear_scan", "causal_conv"}, CELLS)}
    for folder, (helpers, registry) in bases.items():
        files = {path.stem for path in (ROOT.parent / folder).glob("*.py")} - {"__init__"} - helpers
        assert files == {place.split(":")[0].rpartition(".")[2] for place in registry.values()}


# ---- options

OPTION_CLASSES = [
    kind
    for module in (seqcli.options, seqcli.options_use)
    for name, kind in vars(module).items()
    if name.endswith("Options") and kind is not Options and inspect.isclass(kind)
]
GROUPS = {type(getattr(Options(), group.name)): group.name for group in fields(Options)}


def receivers(kind: type) -> set[str]:
    """Names by which the code calls an object of an option class."""
    return {"options", GROUPS.get(kind, kind.__name__.removesuffix("Options").lower())}


def last_word(node: ast.expr) -> str:
    """``run.options.training`` → training, ``self._options`` → options, ``call.group(Kind)`` → Kind."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return last_word(node.args[0])
    return (ast.unparse(node).rpartition(".")[2]).strip("_")


def options_read() -> set[tuple[str, str]]:
    """(what it is read from, option) of every attribute that the code reads, through local names too."""
    found = set()
    for path, tree in TREES.items():
        if path in ("seqcli/options.py", "seqcli/options_use.py"):
            continue
        for scope in functions(tree):
            stands_for: dict[str, str] = {}
            for node in ast.walk(scope):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    stands_for[node.targets[0].id] = last_word(node.value)
            for node in ast.walk(scope):
                if isinstance(node, ast.Attribute):
                    word = last_word(node.value)
                    found |= {(word, node.attr), (stands_for.get(word, word), node.attr)}
                elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                    found.add((last_word(node.value), str(node.slice.value)))
    return found


def test_every_option_is_read_somewhere() -> None:
    read = options_read()
    idle = [
        f"{kind.__name__}.{item.name}"
        for kind in OPTION_CLASSES
        for item in fields(kind)
        if not any((word, item.name) in read for word in {*receivers(kind), kind.__name__, "flags"})
    ]
    assert len(OPTION_CLASSES) > 10
    assert idle == []
