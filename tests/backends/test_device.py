from __future__ import annotations

import copy
import os
import platform
import subprocess
import sys

import pytest
import torch

from seqcli import threads
from seqcli.backends.device import choose_device, set_threads
from seqcli.backends.network import build_network
from seqcli.backends.registry import CELLS
from seqcli.errors import UsageError
from seqcli.network import InputSpec, NetworkSpec


def test_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


def test_cuda_without_a_gpu_is_one_line_and_a_hint(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError) as caught:
        choose_device("cuda")
    assert "\n" not in caught.value.message
    assert "--device cpu" in caught.value.hint


def test_threads_are_those_asked_for_or_the_rules():
    before = torch.get_num_threads()
    try:
        assert set_threads(2) == 2
        assert torch.get_num_threads() == 2
        assert set_threads(None) == threads.thread_count() == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("siblings", "rule"),
    [
        ({0: "0,4", 1: "1,5", 4: "0,4", 5: "1,5"}, 2),
        ({cpu: str(cpu) for cpu in range(16)}, 4),
        ({0: None, 1: None, 2: None}, 3),
    ],
    ids=["two cores of two threads", "sixteen cores", "a system that does not tell"],
)
def test_rule_counts_physical_cores_up_to_four(siblings, rule, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(siblings), raising=False)

    def read_text(path):
        text = siblings[int(path.parts[5].removeprefix("cpu"))]
        if text is None:
            raise FileNotFoundError(path)
        return text

    monkeypatch.setattr(threads.Path, "read_text", read_text)
    assert threads.thread_count() == rule
    assert threads.thread_count(7) == 7


def test_a_system_that_binds_no_process_to_cores_counts_all_of_them(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(threads, "Path", lambda _: tmp_path / "missing")
    assert threads.thread_count() == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("cell", CELLS)
def test_a_gpu_gives_the_same_outputs_and_gradients(cell):
    inputs = (InputSpec("text", "tokens", 30, 8), InputSpec("past", "values", 3))
    network = build_network(NetworkSpec(inputs, (3,), cell, 16, 2, True, "attention"), seed=0)
    batch = {
        "text": torch.randint(1, 30, (5, 12)),
        "past": torch.randn(5, 12, 3),
        "lengths": torch.tensor([12, 3, 7, 1, 12]),
    }
    on_gpu = copy.deepcopy(network).cuda()
    ours, theirs = network(batch), on_gpu({name: field.cuda() for name, field in batch.items()})
    torch.testing.assert_close(theirs.cpu(), ours, rtol=0, atol=1e-5)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    for here, there in zip(network.parameters(), on_gpu.parameters(), strict=True):
        torch.testing.assert_close(there.grad.cpu(), here.grad, rtol=1e-3, atol=1e-5)


ROUNDS_OF_MEMORY = """
import ctypes
import resource
import sys
from seqcli.backends.device import give_back_freed_memory, keep_freed_memory
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
if "keep" in sys.argv:
    assert keep_freed_memory()
for turn in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [ctypes.c_void_p(library.malloc(12 * 2**20)) for _ in range(8)]
    for part in parts:
        ctypes.memset(part, 1, 12 * 2**20)
    for part in reversed(parts):
        library.free(part)
    if "give back" in sys.argv:
        give_back_freed_memory()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such setting")
def test_memory_that_a_step_frees_is_there_for_the_next():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    faults = [
        int(subprocess.check_output([sys.executable, "-c", ROUNDS_OF_MEMORY, *ways], env=environment))
        for ways in (["keep"], [], ["keep", "give back"])
    ]
    assert faults[0] < 100 < 5000 < min(faults[1:])
