"""One graph of a saved model, ready to run: the only typed door to ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else the import writes an identifier and calls home
import onnxruntime as ort

from seqcli.errors import ModelError, ResourceError
from seqcli.model_dir import SavedModel
from seqcli.sequences import AnyArray, Batch, FloatArray
from seqcli.threads import thread_count

OUTPUT = "output"
ROWS = "batch"
"""The graph of whole rows."""
FATAL = 4
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


class GraphSession:
    """Runs one serialized ONNX graph that :func:`~seqcli.model_dir.read_model` has checked.

    ``name`` stands in error messages; ``each_step`` says that its network answers at each step. ``threads``
    share each operator, and ``workers`` threads may run it side by side, each with rows of its own.
    Memory for intermediate values is capped at half of the
    machine's, so that a graph made to grow without end is an error and not the end of the machine.
    Raises :class:`ModelError` when the runtime refuses the graph.
    """

    def __init__(
        self,
        graph: bytes,
        name: str,
        threads: int | None = None,
        each_step: bool = False,
        workers: int = 1,
    ) -> None:
        self.name = name
        self.each_step = each_step
        self.workers = workers
        ort.set_default_logger_severity(FATAL)
        options = ort.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = thread_count(threads)
        options.inter_op_num_threads = 1
        # Our graphs leave nothing to fuse, and what is not rewritten cannot be rewritten wrongly.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        _cap_memory(options)
        self._session: Any = self._guard(
            lambda: ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        )
        self.inputs: tuple[str, ...] = tuple(item.name for item in self._session.get_inputs())

    @classmethod
    def open(cls, model: SavedModel, graph: str = ROWS, threads: int | None = None) -> GraphSession:
        """A session for the graph called ``graph`` of a saved model, for so many threads.

        Whole rows are shared out among them; where step follows step, the work of a step.
        """
        each_step, name = model.network.pool == "none", f"{model.path}/graphs/{graph}.onnx"
        if graph != ROWS:
            return cls(model.graph(graph), name, threads, each_step)
        return cls(model.graph(graph), name, 1, each_step, thread_count(threads))

    def run(self, batch: Batch) -> FloatArray:
        """Outputs (B, *output_shape) of a padded batch; fields that the graph does not take are ignored.

        Raises :class:`ModelError` when the graph fails, or gives anything but finite numbers.
        """
        outputs = self.run_named([OUTPUT], batch)[0]
        if len(outputs) != len(batch[self.inputs[0]]):
            raise ModelError(
                f"{self.name}: gives {len(outputs)} outputs for {len(batch[self.inputs[0]])} rows"
            )
        return outputs

    def run_named(self, names: Sequence[str], batch: Batch) -> list[FloatArray]:
        """The graph's outputs called ``names``, the first of them (B, ...) of finite numbers.

        Raises :class:`ModelError` as :meth:`run` does.
        """
        absent = [name for name in self.inputs if name not in batch]
        if absent:
            raise ModelError(f"{self.name}: takes {absent[0]}, which the model's task does not make")
        feed: dict[str, AnyArray] = {name: batch[name] for name in self.inputs}
        outputs: list[FloatArray] = self._guard(lambda: self._session.run(names, feed))
        if not np.isfinite(outputs[0]).all():
            raise ModelError(
                f"{self.name}: gives values that are not finite",
                "train again with a lower --learning-rate, or look for extreme numbers in the input",
            )
        return outputs

    def _guard(self, call: Any) -> Any:
        """What ``call`` returns; whatever ONNX Runtime throws becomes one line of ours."""
        try:
            return call()
        except Exception as error:  # its exceptions share no base class but this one
            text = " ".join(str(error).split())
            if "bad_alloc" in text or "Available memory" in text:
                raise ResourceError(
                    f"{self.name}: needs more memory than there is", "predict fewer or shorter rows at once"
                ) from None
            raise ModelError(f"{self.name}: cannot be run ({text[:160]})", "train the model again") from None


def _cap_memory(options: Any) -> None:
    """Make the session use the process's one arena, which :func:`_make_arena` limits."""
    _make_arena()
    options.add_session_config_entry("session.use_env_allocators", "1")


@cache
def _make_arena() -> None:
    """Register the shared arena, once a process: at most half of the memory there is."""
    info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(info, ort.OrtArenaCfg({"max_mem": memory_bytes() // 2}))


def memory_bytes() -> int:
    """Memory this process may use: the machine's, or less where a container has a limit."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(physical, int(CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or "max"
        return physical
