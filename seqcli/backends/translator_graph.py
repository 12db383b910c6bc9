"""The two ONNX graphs of a translator: what reads a source once, and what says the next tokens.

Both are as :mod:`seqcli.saved.translator` states. The rows R of the decoder may be several for each of the B
sources (the beams of a search): their queries are then asked of one memory, which is never copied.
"""

from __future__ import annotations

import numpy as np

from seqcli.backends.graph import encoder_steps
from seqcli.backends.graph_writer import FLOAT, INT64, GraphWriter, Input, Shape, to_numpy
from seqcli.backends.looking import LOWEST
from seqcli.backends.translator import Translator
from seqcli.network import SOURCE, WRITTEN
from seqcli.preprocessing.spelling import END_OF_TEXT
from seqcli.saved.translator import (
    BEST,
    COUNT,
    DECODER,
    ENCODER,
    KEYS,
    MEMORY,
    NEXT,
    PADDING,
    START,
    TOKENS,
    WEIGHTS,
    memory_size,
)
from seqcli.sequences import LENGTHS

OUTPUT = "output"


def translator_graphs(network: Translator) -> dict[str, bytes]:
    """The serialised graphs of ``network``, with its weights."""
    return {ENCODER: encoder_graph(network), DECODER: decoder_graph(network)}


def encoder_graph(network: Translator) -> bytes:
    """source int64 (B, S), lengths int64 (B,) → memory, keys, padding, and a first state for each that is
    carried.
    """
    graph, hidden = GraphWriter(), network.spec.hidden_size
    read = encoder_steps(graph, network.encoder, _vectors(graph, network, 0, SOURCE))  # (B, S, D)
    valid = graph.valid(read)  # (B, S, 1)
    memory = graph.node("Where", valid, read, graph.constant(np.float32(0)))
    lengths = graph.node("Unsqueeze", graph.node("Cast", LENGTHS, to=FLOAT), graph.constant([1]))
    total = graph.node("ReduceSum", memory, graph.constant([1]), keepdims=0)
    mean = graph.node("Div", total, lengths)
    outputs: dict[str, Shape] = {}
    for place, name in enumerate(network.names):
        rows = slice(place * hidden, (place + 1) * hidden)
        weight, bias = network.bridge.weight[rows], network.bridge.bias[rows]
        graph.name(graph.node("Tanh", graph.affine(mean, weight, bias)), START + name)
        outputs[START + name] = ("batch", hidden)
    attention = network.attention
    graph.name(memory, MEMORY)
    graph.name(graph.affine(memory, attention.keys.weight, attention.keys.bias), KEYS)
    zero, lowest = graph.constant(np.float32(0)), graph.constant(np.float32(LOWEST))
    away = graph.node("Where", valid, zero, lowest)
    graph.name(graph.node("Transpose", away, perm=[0, 2, 1]), PADDING)
    inputs: dict[str, Input] = {SOURCE: (INT64, ("batch", "steps")), LENGTHS: (INT64, ("batch",))}
    return graph.model(inputs, {**_memory(network), **outputs})


def decoder_graph(network: Translator) -> bytes:
    """What may come behind the tokens ``written`` int64 (R, T), with the states (R, H) before and after.

    Logits of all tokens, "output" (R, T, V); of the ``count`` likeliest that may be written the
    log-probabilities "best" and ids "tokens" (R, T, count); where was looked, "weights" (R, T, S).
    """
    graph, spec = GraphWriter(), network.spec
    hidden, names = spec.hidden_size, network.names
    half = len(names) // 2
    steps = graph.node("Transpose", _vectors(graph, network, 1, WRITTEN), perm=[1, 0, 2])  # (T, R, E)
    h, first = network.reader.write_graph(graph, steps, "", None, _initial(graph, names[:half]))
    query = graph.node("Transpose", h, perm=[1, 0, 2])  # (R, T, H)
    looked, context = _look(graph, network, query)
    graph.name(looked, WEIGHTS)
    both = graph.node("Concat", h, graph.node("Transpose", context, perm=[1, 0, 2]), axis=2)
    g, second = network.writer.write_graph(graph, both, "", None, _initial(graph, names[half:]))
    for name, state in zip(names, (*first, *second), strict=True):
        graph.name(graph.node("Squeeze", state, graph.constant([0])), NEXT + name)
    said = graph.node("Concat", graph.node("Transpose", g, perm=[1, 0, 2]), context, axis=2)
    said = graph.affine(said, network.project.weight, network.project.bias)  # (R, T, E)
    _say(graph, network, said)
    inputs: dict[str, Input] = {
        WRITTEN: (INT64, ("rows", "written")),
        COUNT: (INT64, (1,)),
        **{name: (FLOAT, shape) for name, shape in _memory(network).items()},
        **dict.fromkeys(names, (FLOAT, ("rows", hidden))),
    }
    outputs: dict[str, Shape] = {
        OUTPUT: ("rows", "written", *spec.output_shape),
        WEIGHTS: ("rows", "written", "steps"),
        BEST: ("rows", "written", "count"),
        TOKENS: ("rows", "written", "count"),
        **{NEXT + name: ("rows", hidden) for name in names},
    }
    return graph.model(inputs, outputs)


def _look(graph: GraphWriter, network: Translator, query: str) -> tuple[str, str]:
    """query (R, T, H) → weights (R, T, S) and what is seen (R, T, D), all rows of a source asked at once."""
    shape = graph.node("Shape", query)
    rows, steps = (graph.node("Gather", shape, graph.constant([axis])) for axis in (0, 1))
    sources = graph.node("Gather", graph.node("Shape", MEMORY), graph.constant([0]))
    one, hidden = graph.constant([-1]), graph.constant([network.spec.hidden_size])
    asked = graph.node("Reshape", query, graph.node("Concat", sources, one, hidden, axis=0))
    looked = network.attention.write_weights(graph, asked, KEYS, PADDING)  # (B, R/B * T, S)
    seen = graph.node("MatMul", looked, MEMORY)
    # The last axis is stated and the first follows, so that no row at all is no question of what -1 means.
    wide = graph.constant([memory_size(network.spec)])
    back = graph.node("Reshape", seen, graph.node("Concat", rows, steps, wide, axis=0))
    return graph.node("Reshape", looked, graph.node("Concat", rows, steps, one, axis=0)), back


def _say(graph: GraphWriter, network: Translator, said: str) -> None:
    """said (R, T, E) → logits, and the log-probabilities of the best of those that may be written.

    The vocabulary is what costs time here, so that as few passes as can be go over all of it: the largest
    logit that the softmax is taken from is the first of the best.
    """
    logits = graph.affine(said, network.embeddings[1].weight, network.bias)  # type: ignore[arg-type]
    graph.name(logits, OUTPUT)
    barred = np.zeros(network.spec.output_shape[0], dtype=np.float32)
    barred[:END_OF_TEXT] = LOWEST
    allowed = graph.node("Add", logits, graph.constant(barred))
    best, tokens = graph.nodes("TopK", [allowed, COUNT], 2, axis=-1)
    top = graph.node("Gather", best, graph.constant([0]), axis=2)  # (R, T, 1)
    raised = graph.node("Exp", graph.node("Sub", logits, top))
    total = graph.node("Log", graph.node("ReduceSum", raised, graph.constant([-1]), keepdims=1))
    graph.name(graph.node("Sub", graph.node("Sub", best, top), total), BEST)
    graph.name(graph.node("Cast", tokens, to=FLOAT), TOKENS)


def _initial(graph: GraphWriter, names: list[str]) -> tuple[str, ...]:
    """States (R, H) as the recurrent operators want them, (1, R, H)."""
    return tuple(graph.node("Unsqueeze", name, graph.constant([0])) for name in names)


def _vectors(graph: GraphWriter, network: Translator, place: int, ids: str) -> str:
    """Token ids (B, T) → vectors (B, T, E)."""
    table = to_numpy(network.embeddings[place].weight) * np.float32(network.scale)  # type: ignore[arg-type]
    return graph.node("Gather", graph.constant(table), ids)


def _memory(network: Translator) -> dict[str, Shape]:
    spec = network.spec
    return {
        MEMORY: ("batch", "steps", memory_size(spec)),
        KEYS: ("batch", "steps", spec.hidden_size),
        PADDING: ("batch", "one", "steps"),
    }
