"""A trained network as an ONNX graph: what prediction runs, equal to the torch network to 1e-5.

Operators used: Conv RNN GRU LSTM Scan LayerNormalization MatMul Add Sub Mul Div Exp Tanh Sigmoid Relu Softmax
Softplus ReduceSum ReduceMax Less Where Gather Slice ReverseSequence Cast Shape Range Reshape Transpose
Unsqueeze Squeeze Concat Identity. The encoder runs time-major
inside, as the recurrent operators want it; everything else is batch-major.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from torch import nn

from seqcli.backends.autoencoder import Autoencoder
from seqcli.backends.bags import Bag
from seqcli.backends.encoder import Encoder, Layer
from seqcli.backends.graph_writer import FLOAT, INT32, INT64, GraphWriter, Input, Shape, to_numpy
from seqcli.backends.network import Network
from seqcli.backends.pooling import Pool
from seqcli.backends.strands import strands_of
from seqcli.sequences import LENGTHS

OUTPUT = "output"


def network_graph(network: Network) -> bytes:
    """The serialised ONNX model of ``network``, with its weights.

    Inputs are the spec's fields (tokens int64 (B, T), bags int64 (B, T, K), values float32 (B, T, F), dense
    float32 (B, D)) and ``lengths`` int64 (B,), each at least 1; the output is "output", float32
    (B, *answer_shape), or (B, T, *output_shape) without pooling.
    """
    graph, spec = GraphWriter(), network.spec
    inputs, steps, dense = _fields(graph, network)
    inputs[LENGTHS] = (INT64, ("batch",))
    if network.segments is not None:
        graph.name(_decoded(graph, network, steps), OUTPUT)
        return graph.model(inputs, {OUTPUT: ("batch", *spec.answer_shape)})
    if network.pool is None:
        if spec.members > 1 or spec.both_strands:
            _together(graph, network, steps)
        else:
            _head(graph, network, _each_step(graph, network, steps))
        return graph.model(inputs, {OUTPUT: ("batch", "time", *spec.output_shape)})
    said = []
    for member in network.every_member():
        read = steps if member is network else _fields(graph, member)[1]
        said += [_answer(graph, member, x, dense) for x in strands_of(graph, spec, read)]
    graph.name(_mean(graph, said), OUTPUT)
    return graph.model(inputs, {OUTPUT: ("batch", *spec.answer_shape)})


def _answer(graph: GraphWriter, network: Network, steps: str, dense: list[str]) -> str:
    """steps (B, T, F) and dense fields (B, D) → what ``network`` answers of each row, (B, *answer_shape)."""
    spec, lengths = network.spec, graph.lengths
    assert network.pool is not None
    outputs = _read_steps(graph, network, steps)  # (B, T, D)
    pooled = _concat(graph, [pool_steps(graph, network.pool, outputs), *dense], axis=1)
    graph.lengths = lengths
    out = graph.affine(pooled, network.head.weight, network.head.bias)
    if spec.skip:
        out = graph.node("Reshape", out, graph.constant([-1, *spec.output_shape]))
        values = next(item.field for item in spec.inputs if item.kind == "values")
        last = graph.node("Gather", _last_step(graph, values), graph.constant(list(spec.skip)), axis=1)
        out = graph.node("Add", out, graph.node("Unsqueeze", last, graph.constant([1])))  # + (B, 1, K)
    if network.band is not None:
        out = network.band.write_around(graph, out, pooled)
    return graph.node("Reshape", out, graph.constant([-1, *spec.answer_shape]))


def _mean(graph: GraphWriter, said: list[str]) -> str:
    """The mean of several answers of one shape (B, ...)."""
    total = said[0]
    for other in said[1:]:
        total = graph.node("Add", total, other)
    return total if len(said) == 1 else graph.node("Mul", total, graph.constant(np.float32(1 / len(said))))


def step_graph(network: Network) -> bytes:
    """The next steps (one or many) of a one-directional ``network`` without pooling.

    Inputs are the spec's fields (B, T[, F]) and, for state s of layer i, "s_i" float32 (B, H); outputs are
    "output" (B, T, *output_shape) and "next_s_i" (B, H). All steps of all rows are valid. Raises
    ValueError for a bidirectional network, which has no next step.
    """
    if network.spec.bidirectional:
        raise ValueError("a bidirectional network reads the whole sequence; it has no single step")
    graph = GraphWriter()
    inputs, x, _ = _fields(graph, network)
    outputs: dict[str, Shape] = {OUTPUT: ("batch", "time", *network.spec.output_shape)}
    first = graph.constant([0])
    x = graph.node("Transpose", x, perm=[1, 0, 2])  # (T, B, F)
    for depth, cell in enumerate(network.encoder.forward_cells):
        names = [f"{state}_{depth}" for state in cell.states]
        inputs.update(dict.fromkeys(names, (FLOAT, ("batch", cell.hidden_size))))
        outputs.update({f"next_{name}": ("batch", cell.hidden_size) for name in names})
        initial = tuple(graph.node("Unsqueeze", name, first) for name in names)  # (1, B, H) each
        x, states = cell.write_graph(graph, x, "", None, initial)
        for name, state in zip(names, states, strict=True):
            graph.name(graph.node("Squeeze", state, first), f"next_{name}")
    _head(graph, network, graph.node("Transpose", x, perm=[1, 0, 2]))
    return graph.model(inputs, outputs)


def carried_graph(network: Network) -> bytes:
    """The next steps (one or many) of a forecaster whose state is carried, and its answer after the last.

    Inputs are the spec's fields (values (B, T, F), what is known ahead (B, ...)) and, for state s of layer i,
    "s_i" float32 (B * readers, H); outputs are "output" (B, *answer_shape) and "next_s_i".
    """
    graph, spec = GraphWriter(), network.spec
    inputs, x, dense = _fields(graph, network)
    seen, first = x, graph.constant([0])
    if network.segments is not None:
        seen = network.segments.write_apart(graph, x)
        x = network.segments.write_read(graph, seen)  # (T, B * readers, H)
    else:
        x = graph.node("Transpose", x, perm=[1, 0, 2])
    known = [item.field for item in spec.inputs if item.kind == "ahead"]
    outputs: dict[str, Shape] = {OUTPUT: ("batch", *spec.answer_shape)}
    states = []
    for depth, cell in enumerate(network.encoder.forward_cells):
        names = [f"{state}_{depth}" for state in cell.states]
        inputs.update(dict.fromkeys(names, (FLOAT, ("rows", cell.hidden_size))))
        outputs.update({f"next_{name}": ("rows", cell.hidden_size) for name in names})
        initial = tuple(graph.node("Unsqueeze", name, first) for name in names)  # (1, B * readers, H) each
        x, after = cell.write_graph(graph, x, "", None, initial)
        for name, state in zip(names, after, strict=True):
            graph.name(graph.node("Squeeze", state, first), f"next_{name}")
        states.append(after)
    if network.decoder is not None:
        assert network.segments is not None
        ahead = _concat(graph, known, axis=2) if known else ""
        nets = (network.segments, network.encoder)
        reached = (_top(graph, x), states)
        graph.name(network.decoder.write_graph(graph, nets, seen, reached, ahead), OUTPUT)
        return graph.model(inputs, outputs)
    top = graph.node("Gather", x, graph.constant(-1), axis=0)  # (B, H)
    top = _concat(graph, [top, *dense], axis=1)
    out = graph.affine(top, network.head.weight, network.head.bias)
    if network.band is not None:
        out = network.band.write_around(graph, out, top)
    graph.name(graph.node("Reshape", out, graph.constant([-1, *spec.answer_shape])), OUTPUT)
    return graph.model(inputs, outputs)


def saved_graphs(network: Network) -> dict[str, bytes]:
    """The graphs that a saved model runs: "step" where its state is carried on, else "batch", or both where
    whole clips are read and such as go on; of one that translates "encoder" and "decoder"."""
    if network.spec.attention:
        from seqcli.backends.translator import Translator
        from seqcli.backends.translator_graph import translator_graphs

        return translator_graphs(cast(Translator, network))
    if network.spec.stateful:
        return {"step": carried_graph(network)}
    if network.spec.streams:
        return {"step": step_graph(network)}
    graphs = {"batch": network_graph(network)}
    return {**graphs, "step": step_graph(network)} if network.spec.hears_on else graphs


def _fields(graph: GraphWriter, network: Network) -> tuple[dict[str, Input], str, list[str]]:
    """The graph's field inputs, what the encoder reads of them (B, T, F), and the dense ones (B, D)."""
    inputs: dict[str, Input] = {}
    embeddings, bags = iter(network.embeddings), iter(network.bags)
    steps, dense = [], []
    for item in network.spec.inputs:
        if item.kind == "tokens":
            inputs[item.field] = (INT64, ("batch", "time"))
            table = graph.constant(to_numpy(cast(nn.Embedding, next(embeddings)).weight))
            steps.append(graph.node("Gather", table, item.field))  # (B, T, E)
        elif item.kind == "bags":
            inputs[item.field] = (INT64, ("batch", "time", f"of_{item.field}"))
            steps.append(cast(Bag, next(bags)).write_graph(graph, item.field))
        elif item.kind == "values":
            inputs[item.field] = (FLOAT, ("batch", "time", item.size))
            steps.append(item.field)
        elif item.kind == "ahead":
            inputs[item.field] = (FLOAT, ("batch", network.spec.output_shape[0], item.size))
        else:
            inputs[item.field] = (FLOAT, ("batch", item.size))
            dense.append(item.field)
    return inputs, _concat(graph, steps, axis=2), dense


def _decoded(graph: GraphWriter, network: Network, steps: str) -> str:
    """steps (B, T, F), all of them valid → (B, horizon, targets[, 3]), by segments and a decoder."""
    assert network.segments is not None
    assert network.decoder is not None
    seen = network.segments.write_apart(graph, steps)
    x = network.segments.write_read(graph, seen)
    states = []
    for cell in network.encoder.forward_cells:
        x, after = cell.write_graph(graph, x, "", None)
        states.append(after)
    known = [item.field for item in network.spec.inputs if item.kind == "ahead"]
    ahead = _concat(graph, known, axis=2) if known else ""
    nets, reached = (network.segments, network.encoder), (_top(graph, x), states)
    return network.decoder.write_graph(graph, nets, seen, reached, ahead)


def _top(graph: GraphWriter, x: str) -> str:
    """The last step (1, B, H) of x (T, B, H), all of whose steps are valid."""
    return graph.slice(x, -1, None)


def _together(graph: GraphWriter, network: Network, steps: str) -> None:
    """What the first member reads, (B, T, F) → the graph's "output" (B, T, C): the mean of all members'.

    Of DNA that of each on both strands, the answers to the other turned round.
    """
    said = []
    for member in network.every_member():
        read = steps if member is network else _fields(graph, member)[1]
        for strand, x in enumerate(strands_of(graph, network.spec, read)):
            out = graph.affine(_each_step(graph, member, x), member.head.weight, member.head.bias)
            back = graph.node("ReverseSequence", out, graph.lengths, time_axis=1, batch_axis=0) if strand else out
            said.append(back)
    graph.name(_mean(graph, said), OUTPUT)


def _head(graph: GraphWriter, network: Network, outputs: str) -> None:
    """outputs (B, T, D) → the graph's "output" (B, T, *output_shape), one a step."""
    out = graph.affine(outputs, network.head.weight, network.head.bias)  # (B, T, O)
    if len(network.spec.output_shape) > 1:
        out = graph.node("Reshape", out, graph.constant([0, 0, *network.spec.output_shape]))
    graph.name(out, OUTPUT)


def _each_step(graph: GraphWriter, network: Network, x: str) -> str:
    """x (B, T, F) → what the head reads at each step, (B, T, D): of an autoencoder what it writes."""
    outputs = _read_steps(graph, network, x)
    return network.write_again(graph, outputs) if isinstance(network, Autoencoder) else outputs


def _read_steps(graph: GraphWriter, network: Network, x: str) -> str:
    """x (B, T, F) → outputs of the last layer (B, T, D), past the stem where there is one."""
    return encoder_steps(graph, network.encoder, network.stem.write_graph(graph, x) if network.stem else x)


def encoder_steps(graph: GraphWriter, encoder: Encoder, x: str) -> str:
    """x (B, T, F) → outputs of the last layer (B, T, D); what stands at padding has no meaning."""
    lengths = graph.node("Cast", graph.lengths, to=INT32)
    x = graph.node("Transpose", x, perm=[1, 0, 2])
    for layer in encoder.layers:
        x, _ = cast(Layer, layer).forward_cell.write_graph(
            graph, x, lengths, cast(Layer, layer).backward_cell
        )
    return graph.node("Transpose", x, perm=[1, 0, 2])


def pool_steps(graph: GraphWriter, pool: Pool, outputs: str) -> str:
    """outputs (B, T, D) → (B, D × kinds), as :class:`~seqcli.backends.pooling.Pool` does it."""
    return _concat(graph, [_pool_once(graph, pool, kind, outputs) for kind in pool.kinds], axis=1)


def _pool_once(graph: GraphWriter, pool: Pool, kind: str, outputs: str) -> str:
    """One kind of pooling: outputs (B, T, D) → (B, D)."""
    if kind == "last":
        last = _last_step(graph, outputs)
        if not pool.bidirectional:
            return last
        first = graph.node("Gather", outputs, graph.constant(0), axis=1)  # (B, D)
        ahead = graph.constant(np.arange(2 * pool.hidden_size) < pool.hidden_size)
        return graph.node("Where", ahead, last, first)
    valid = graph.valid(outputs)  # (B, T, 1)
    if kind == "max":
        lowest = graph.constant(np.float32(np.finfo(np.float32).min))
        return graph.node("ReduceMax", graph.node("Where", valid, outputs, lowest), axes=[1], keepdims=0)
    if kind == "attention":
        projected = graph.affine(outputs, pool.project.weight, pool.project.bias)
        scores = graph.affine(graph.node("Tanh", projected), pool.score.weight)  # (B, T, 1)
        lowest = graph.constant(np.float32(np.finfo(np.float32).min))
        weights = graph.node("Softmax", graph.node("Where", valid, scores, lowest), axis=1)
        outputs = graph.node("Mul", outputs, weights)
    kept = graph.node("Where", valid, outputs, graph.constant(np.float32(0)))
    total = graph.node("ReduceSum", kept, graph.constant([1]), keepdims=0)  # (B, D)
    if kind == "attention":
        return total
    count = graph.node("Unsqueeze", graph.node("Cast", graph.lengths, to=FLOAT), graph.constant([1]))
    return graph.node("Div", total, count)


def _last_step(graph: GraphWriter, values: str) -> str:
    """The last valid step of each row: values (B, T, F) → (B, F)."""
    shape = graph.node("Shape", values)
    batch, steps = (graph.node("Gather", shape, graph.constant(axis)) for axis in (0, 1))
    width = graph.node("Gather", shape, graph.constant([2]))  # (1,)
    flat = graph.node(
        "Reshape", values, graph.node("Concat", graph.constant([-1]), width, axis=0)
    )  # (B*T, F)
    rows = graph.node("Range", graph.constant(0), batch, graph.constant(1))
    row_starts = graph.node("Mul", rows, steps)
    index = graph.node("Add", row_starts, graph.node("Sub", graph.lengths, graph.constant(1)))
    return graph.node("Gather", flat, index)


def _concat(graph: GraphWriter, parts: list[str], axis: int) -> str:
    """The parts side by side."""
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=axis)
