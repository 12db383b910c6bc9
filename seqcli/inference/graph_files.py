"""A saved model's graphs as plain files, for programs that know nothing of seqcli.

NAME.onnx     each graph as it is saved
model.json    what it takes and gives, names of its outputs, first states, an input to try
example.py    runs it with onnxruntime alone
README.md     the same for a person
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqcli.inference.rounding import made_up, row_steps
from seqcli.inference.stream import START, STEP
from seqcli.inference.trust import saved_task
from seqcli.model_dir import SavedModel
from seqcli.preprocessing.vocabulary import RESERVED
from seqcli.results import Cell, ResultColumn, ResultTable
from seqcli.saved.files import to_json
from seqcli.saved.translator import ENCODER
from seqcli.sequences import AnyArray

TYPES = {"F": "float32", "I": "int64", "J": "int32", "B": "bool"}
AXES = ("batch", "time", "ids")
"""Names of the axes of any size, in their order."""
ROW_STEPS = 8
"""Steps of the row to try."""
EXAMPLE, TOLD, README = "example.py", "model.json", "README.md"

_HEAD = """
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort

here = Path(__file__).parent
told = json.loads((here / "model.json").read_text(encoding="utf-8"))
"""

TRANSLATES = (
    '''"""Runs both graphs with onnxruntime alone: one reads, one writes token by token."""
'''
    + _HEAD
    + """encoder, decoder = (
    ort.InferenceSession(here / f"{name}.onnx", providers=["CPUExecutionProvider"])
    for name in ("encoder", "decoder")
)
batch = {name: np.array(values, dtype=np.int64) for name, values in told["example"].items()}
said = [item.name for item in encoder.get_outputs()]
read = dict(zip(said, encoder.run(said, batch)))
memory = {name: values for name, values in read.items() if not name.startswith("start_")}
states = {name.removeprefix("start_"): values for name, values in read.items() if name not in memory}

last = np.full((1, 1), 2)  # 2 stands ahead of a text, and behind it
for _ in range(10):
    wanted = ["tokens", *(f"next_{name}" for name in states)]
    tokens, *after = decoder.run(wanted, {**memory, **states, "written": last, "count": np.array([1])})
    states = dict(zip(states, after))
    last[:] = int(tokens[0, 0, 0])
    if last[0, 0] == 2:
        break
    print(told["names"][last[0, 0]])
"""
)

_ROWS = (
    '''"""Runs the graph of whole rows with onnxruntime alone."""
'''
    + _HEAD
    + """session = ort.InferenceSession(here / "batch.onnx", providers=["CPUExecutionProvider"])
types = {item.name: np.int64 if "int64" in item.type else np.float32 for item in session.get_inputs()}
batch = {name: np.array(values, dtype=types[name]) for name, values in told["example"].items()}

(output,) = session.run(["output"], batch)
print("output", output.shape)
print(np.array2string(output[0], precision=4, threshold=20))
if told["names"] and output.ndim == 2:
    print("the largest:", told["names"][int(output[0].argmax())])
"""
)

_STEPS = (
    '''"""Runs the graph of steps with onnxruntime alone: the state goes in and comes out."""
'''
    + _HEAD
    + """session = ort.InferenceSession(here / "step.onnx", providers=["CPUExecutionProvider"])
types = {item.name: np.int64 if "int64" in item.type else np.float32 for item in session.get_inputs()}
step = {name: np.array(values, dtype=types[name]) for name, values in told["example"].items()}
states = {name: np.array(first, dtype=np.float32) for name, first in told["start"].items()}

for _ in range(10):
    output, *after = session.run(["output", *(f"next_{name}" for name in states)], {**step, **states})
    states = dict(zip(states, after))  # what was read so far, as numbers: keep it, and go on at any time
    likeliest = int(output[0, -1].argmax())
    print(told["names"][likeliest] if told["names"] else np.round(output[0, -1], 4).tolist())
    if "tokens" in step:
        step["tokens"][:] = likeliest  # what was said is read next
"""
)


def graph_files(model: SavedModel) -> dict[str, bytes]:
    """File name → content, all that stands in the directory."""
    stateful, writes = STEP in model.graphs, ENCODER in model.graphs
    told = _told(model, STEP if stateful else ENCODER if writes else "batch")
    lines = (f"{to_json(key)}: {to_json(value)}" for key, value in told.items())
    return {
        **{f"{name}.onnx": graph for name, graph in model.graphs.items()},
        TOLD: ("{\n" + ",\n".join(lines) + "\n}\n").encode(),
        EXAMPLE: (_STEPS if stateful else TRANSLATES if writes else _ROWS).encode(),
        README: _readme(model, told, stateful).encode(),
    }


def listed(files: Mapping[str, bytes], model: SavedModel) -> ResultTable:
    """What was written: one row a file, of a graph with what it takes and gives."""
    ports = {f"{name}.onnx": _ports(model, name) for name in model.graphs}
    columns = (
        ResultColumn("file", emphasis=True),
        ResultColumn("bytes", ","),
        ResultColumn("inputs", wrap=True),
        ResultColumn("outputs", wrap=True),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, content in files.items():
        inputs, outputs = ports.get(name, ({}, {}))
        rows.append((name, len(content), _joined(inputs), _joined(outputs)))
    return ResultTable("Files", columns, rows)


def _joined(ports: Mapping[str, str]) -> str | None:
    return "; ".join(f"{name} {kind}" for name, kind in ports.items()) or None


def _ports(model: SavedModel, graph: str) -> tuple[dict[str, str], dict[str, str]]:
    """Inputs and outputs of a graph in words: "int64 (batch, time)"."""
    entry = model.record["files"][f"graphs/{graph}.onnx"]
    inputs, outputs = (
        {name: _kind(*port) for name, port in entry[side].items()} for side in ("inputs", "outputs")
    )
    return inputs, outputs


def _kind(element: str, shape: list[int | None]) -> str:
    names = iter(AXES)
    return f"{TYPES[element]} ({', '.join(next(names) if size is None else str(size) for size in shape)})"


def _told(model: SavedModel, graph: str) -> dict[str, Any]:
    """The content of ``model.json``."""
    batch = made_up(model, graph, 1 if graph == STEP else row_steps(model, ROW_STEPS))
    fields = {item.field for item in model.network.inputs} | {"lengths"}
    start = _first_states(model, {name: values for name, values in batch.items() if name not in fields})
    return {
        "task": model.record["task"]["name"],
        "trained_on": model.record["data"]["source"],
        "created": model.record["created"],
        "seqcli": model.record["versions"].get("seqcli", ""),
        "graphs": {
            name: dict(zip(("inputs", "outputs"), _ports(model, name), strict=True)) for name in model.graphs
        },
        "names": _names(model),
        "start": start,
        "example": {name: values.tolist() for name, values in batch.items() if name in fields},
        "network": model.record["network"],
        "fitted": model.record["task"],
    }


def _first_states(model: SavedModel, states: Mapping[str, AnyArray]) -> dict[str, Any]:
    """What each state of one stream begins as: learnt, or 0."""
    learnt = model.weights()
    first = {name: learnt.get(START + name) for name in states}
    return {
        name: (np.zeros(shape.shape) if (value := first[name]) is None else value[None]).tolist()
        for name, shape in states.items()
    }


def _names(model: SavedModel) -> list[str]:
    """What the outputs of a row or step are called: classes, or tokens by id; empty for numbers."""
    task, outputs = saved_task(model), model.network.output_shape[-1]
    corpus = getattr(task, "corpus", None)
    if model.network.attention:
        return [getattr(task, "target").token(i) for i in range(outputs)]  # noqa: B009
    if corpus is None:
        classes = list(getattr(task, "classes", ()))
        return classes if len(classes) == outputs else []
    word = getattr(corpus, "word", None) or (lambda i: corpus.decode([i]))
    return ["" if i < RESERVED else word(i) for i in range(outputs)]


def _readme(model: SavedModel, told: Mapping[str, Any], stateful: bool) -> str:
    """The content of ``README.md``."""
    rows = [
        f"| `{name}.onnx` | {side[:-1]} | `{port}` | {kind} |"
        for name, graph in told["graphs"].items()
        for side in ("inputs", "outputs")
        for port, kind in graph[side].items()
    ]
    kind = str(told["task"]).partition(".")[0]
    said = [
        f"Graphs of the model `{model.path.name}` ({kind}), which seqcli {told['seqcli']} trained on "
        f"`{told['trained_on']}`. They run with onnxruntime alone (opset 17); `python example.py` does.",
        "| file | side | name | kind |\n| --- | --- | --- | --- |\n" + "\n".join(rows),
        _MEANING.get(kind, _MEANING[""]),
        _STATE if stateful else _LENGTHS,
        "`model.json` holds `names` (what the outputs are called), `start` (first states), `example` (inputs "
        "to try), and under `fitted` all that was fitted ahead of the network: vocabulary, scaler, columns. "
        "How text and columns become numbers is seqcli's part: `seqcli predict` does it, without torch too.",
    ]
    return f"# {model.path.stem}\n\n" + "\n\n".join(said) + "\n"


_LENGTHS = (
    "Rows of a batch are padded at the end to the same time; `lengths` says how many steps each has. "
    "Ids of 0 are padding."
)
_STATE = (
    "Each state `NAME` goes in, and comes out as `next_NAME`; begin with `start` of `model.json`. Any number "
    "of steps may be read at once: one by one and all together give the same."
)
_MEANING = {
    "classify": "`output` holds logits: their softmax is the network's part of the answer. A text classifier "
    "of seqcli adds a linear part to it and is calibrated, which the graph alone is not.",
    "language": "`output` holds logits of the next token, by id.",
    "music": "`output` holds logits of the next event, by id.",
    "pianoroll": "`output` holds logits of each key at the next step.",
    "translate": "The encoder reads `source` once; the decoder says what may come behind `written`: `output` "
    "holds logits of all tokens, `best` and `tokens` log-probabilities and ids of the `count` likeliest, "
    "`weights` where was looked. Several rows of the decoder may share a source.",
    "steps": "`output` holds logits of each label at each step: their softmax, once they are multiplied by `scale`, is "
    "the answer. A long series is cut into pieces as `reads` says.",
    "tag": "`output` holds a score of each tag at each word; the tags of a sentence are the path that seqcli "
    "finds through them.",
    "transcribe": "`output` holds scores of the blank (0) and of each letter at each step; a text is what is "
    "left of the best path once repeats are merged and blanks taken out.",
    "reconstruct": "`values` are scaled as `fitted` says, and `output` is what the network writes for "
    "them; `place` says where between first and last each step stands. Scores are made of the difference.",
    "forecast": "`values` are scaled as `fitted` says, and so is `output`. A forecast of seqcli is a mean "
    "of several members, of which the network is one.",
    "": "`output` is scaled as `fitted` says.",
}
