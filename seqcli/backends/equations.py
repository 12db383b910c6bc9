"""The equations of a network with its own shapes, for ``seqcli show --equations``. Needs no torch.

A cell's equations are the indented lines of its module's docstring, read from the source, so that
there is one place where they stand.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from math import prod

from seqcli.backends.registry import cell_entry
from seqcli.network import CODE_PLACE, RESIDUAL, NetworkSpec

BLOCK = "seqcli.backends.cells.block"
AUTOENCODER = "seqcli.backends.autoencoder"
LOOKING, TRANSLATOR = "seqcli.backends.looking", "seqcli.backends.translator"
POOL_EQUATIONS = {
    "last": "p = h_τ",
    "mean": "p = 1/τ Σ_t h_t",
    "max": "p = max_t h_t, each element by itself",
    "attention": "p = Σ_t α_t h_t,   α = softmax_t(v · tanh(W_a h_t + b_a))",
}


def equations(spec: NetworkSpec) -> str:
    """What the network of ``spec`` computes for one sequence of τ steps, with every shape."""
    if spec.attention:
        parts = [_encoder(replace(spec, inputs=spec.inputs[:1])), _translator(spec)]
    elif spec.decoder != "direct":
        parts = [_input(spec), _segments(spec), _encoder(spec), _decoder(spec)]
    else:
        pool = [] if spec.pool == "none" else [_pool(spec)]
        code = [_code(spec)] if spec.bottleneck else [*pool, _head(spec)]
        parts = [_input(spec), *_stem(spec), _encoder(spec), *code, *_several(spec)]
    return "\n\n".join("\n    ".join(part) for part in parts)


def _code(spec: NetworkSpec) -> list[str]:
    """From all steps to a code, and back."""
    width, code, channels = _output_width(spec), spec.bottleneck, spec.output_shape[0]
    places = next(item.size for item in spec.inputs if item.field == CODE_PLACE)
    return [
        f"code of {code} numbers, and a decoder of the same cell with weights of its own",
        *_indented(AUTOENCODER),
        f"W_z ({code}, {width})  b_z ({code})   decoder {spec.cell}: {code + places} → {width}   "
        f"W ({channels}, {width})  b ({channels})",
    ]


def _translator(spec: NetworkSpec) -> list[str]:
    """How a text is written from what was read."""
    hidden, width, size = spec.hidden_size, _output_width(spec), spec.inputs[1].embedding_size
    tokens = spec.output_shape[0]
    lines = ["decoder, token by token; m_s is what the encoder says at step s of the source"]
    looks = [line for line in _indented(LOOKING) if line.startswith(("dot", "bahdanau", "a ="))]
    lines += [line.partition("(")[0].strip() if line.startswith("dot") else line for line in looks]
    lines = [
        line for line in lines if not line.startswith({"dot": "bahdanau", "bahdanau": "dot"}[spec.attention])
    ]
    lines[1:1] = _indented(TRANSLATOR)[1:]
    lines.append(
        f"E ({tokens}, {size})  W_s ({hidden}, {width})  W_o ({size}, {hidden + width})  b ({tokens})"
    )
    lines.append(f"reader {spec.cell}: {size} → {hidden}, writer {spec.cell}: {hidden + width} → {hidden}")
    return lines


def cell_equations(cell: str) -> list[str]:
    """The equations of a cell, a line each; raises UsageError for an unknown name."""
    return _indented(cell_entry(cell).partition(":")[0])


def _indented(module: str) -> list[str]:
    """The indented lines of a module's docstring."""
    found = find_spec(module)
    loader = found.loader if found else None
    source = loader.get_source(module) if isinstance(loader, SourceFileLoader) else None
    docstring = ast.get_docstring(ast.parse(source or ""), clean=False) or ""
    return [line.strip() for line in docstring.splitlines() if line.startswith("    ")]


def _layer_width(spec: NetworkSpec) -> int:
    """Numbers the first layer reads at each step."""
    if spec.stem:
        return spec.stem_width
    return spec.hidden_size if spec.decoder != "direct" else _input_width(spec)


def _input_width(spec: NetworkSpec) -> int:
    """Numbers of a step."""
    widths = {
        item.field: item.embedding_size or item.size
        for item in spec.inputs
        if item.kind not in ("dense", "ahead")
    }
    return sum(widths.values())


def _input(spec: NetworkSpec) -> list[str]:
    """What a step is made of."""
    reads, tables = [], []
    for item in spec.inputs:
        if item.kind == "tokens":
            reads.append(f"E_{item.field}[{item.field}_t]")
            tables.append(f"E_{item.field} ({item.size}, {item.embedding_size})")
        elif item.kind == "bags":
            reads.append(f"mean_k E_{item.field}[{item.field}_tk]")
            tables.append(f"E_{item.field} ({item.size}, {item.embedding_size}), k over the ids of step t")
        elif item.kind == "values":
            reads.append(f"{item.field}_t")
    joined = reads[0] if len(reads) == 1 else "[" + "; ".join(reads) + "]"
    steps = "T" if spec.decoder == "parallel" else "τ"
    return [f"input, step t of {steps}", f"x_t = {joined}   ({_input_width(spec)})", *tables]


def _stem(spec: NetworkSpec) -> list[list[str]]:
    """The convolutions ahead of the recurrence, if there are any."""
    if not spec.stem:
        return []
    taps, width = spec.stem_kernel, spec.stem_width
    window = f"j = {-(taps - 1) // 2} … {taps // 2}" if spec.bidirectional else f"j = {1 - taps} … 0"
    lines = [
        f"convolutions: {spec.stem}, x^0_t = x_t",
        f"x^l_t = relu(norm(b + Σ_j W_j x^(l-1)_(t+j)))   {window}; what lies outside is 0",
        f"layer 1: W_j ({width}, {_input_width(spec)})  b ({width})",
    ]
    lines += [f"layer {layer}: W_j ({width}, {width})  b ({width})" for layer in range(2, spec.stem + 1)]
    if spec.stem_stride > 1:
        lines.append(f"of the last one a step in {spec.stem_stride} is kept, and τ counts those below")
    return [lines]


def _several(spec: NetworkSpec) -> list[list[str]]:
    """That several answers are averaged, where there are several."""
    lines = []
    if spec.both_strands:
        lines.append("the same is asked of the other strand, and y is the mean of both answers")
    if spec.members > 1 and not spec.chain:
        lines.append(f"{spec.members} such networks answer, each with its own weights; y is their mean")
    return [lines] if lines else []


def _encoder(spec: NetworkSpec) -> list[str]:
    """The cell's equations and the shapes of each layer."""
    hidden, output = spec.hidden_size, _output_width(spec)
    decodes = spec.decoder != "direct"
    reads = ", one step a segment: x_t is v_t, t = 1 … n" if decodes else ""
    lines = [f"{spec.cell}, layers: {spec.num_layers}{reads}", *cell_equations(spec.cell)]
    if spec.cell in RESIDUAL:
        lines += ["in a block, which makes c_t of what a layer reads, and o_t of what the cell shows"]
        lines += _indented(BLOCK)
    for layer in range(1, spec.num_layers + 1):
        first = "v_t" if decodes else f"x^{spec.stem}_t" if spec.stem else "x_t"
        size, source = (_layer_width(spec), first) if layer == 1 else (output, f"h_t of layer {layer - 1}")
        recurrent = "" if spec.cell == "none" else f"  W_h· ({hidden}, {hidden})"
        shapes = f"W_i· ({hidden}, {size}){recurrent}  b ({hidden})"
        if spec.cell in RESIDUAL:
            source = source.replace("h_t", "o_t")
            entering = f"W_v ({hidden}, {size})  " if size != hidden else ""
            inner = 2 * hidden
            shapes = f"{entering}W of the cell ({hidden}, {hidden})  W_g, W_u ({inner}, {hidden})  "
            shapes += f"W_d ({hidden}, {inner})  w_k, b ({hidden})"
        lines.append(f"layer {layer} reads {source} ({size}): {shapes}")
    if spec.streams and spec.cell != "none":
        lines.append(f"what is carried begins as learned vectors ({hidden}) and goes on with the text")
    if spec.stateful:
        lines.append("what is carried begins at zero with a series and goes on over all its rows; in x_t a")
        lines.append("target is its change since the row before")
    if spec.bidirectional:
        joined = "o_t" if spec.cell in RESIDUAL else "h_t"
        lines.append(f"and again from t = τ down to 1 with its own weights; {joined} joins both ({output})")
    if spec.cell in RESIDUAL:
        lines.append("h below is the o of the last layer")
    return lines


def _segments(spec: NetworkSpec) -> list[str]:
    """Several steps as one vector."""
    width = spec.segment * (_input_width(spec) - spec.readers + 1)
    w, hidden = spec.segment, spec.hidden_size
    steps = f"[x_({w}i-{w - 1}); …; x_({w}i)]" if w > 1 else "x_i"
    lines = [f"segment i of n = T / {w}" if w > 1 else "segment i of n = T, of one step"]
    lines.append(f"v_i = ReLU(W_v {steps} + b_v)   W_v ({hidden}, {width})  b_v ({hidden})")
    if spec.readers > 1:
        lines.append(
            f"each of {spec.readers} targets is read by itself, with the same weights: of x its own column "
            "and those behind the targets"
        )
    return lines


def _decoder(spec: NetworkSpec) -> list[str]:
    """All steps to come, side by side."""
    horizon, targets = spec.output_shape
    count, own = -(-horizon // spec.segment), spec.segment * targets // spec.readers
    ahead = sum(item.size for item in spec.inputs if item.kind == "ahead")
    known = " + W_a a_j" if ahead else ""
    half = spec.hidden_size // 2
    hidden = spec.hidden_size
    if spec.decoder == "recursive":
        before, read = ("y_(j-1) + ", "y_j - y_(j-1)") if spec.stateful else ("", "y_j")
        return [
            f"decoder, {count} segments to come one by one",
            f"y_j = {before}W (h_(τ+j-1) + c_k{known}) + b   ({own}),   W ({own}, {hidden})",
            f"h_(τ+j) = cell(v({read}), h_(τ+j-1)), other columns as they were last",
            *([f"a_j: what is known of the segment ({spec.segment} × {ahead})"] if ahead else []),
        ]
    carried = "the last state of each layer" if spec.num_layers > 1 else "the last state"
    named = ", c_k of target k" if spec.readers > 1 else ""
    lines = [
        f"decoder, segment j of {count} to come, all side by side",
        f"q_j = [p_j; {'c_k' if named else 'c'}]{known}   "
        f"p ({count}, {half})  c ({spec.readers}, {hidden - half}){named}",
        f"y_j = W {spec.cell}(q_j) + b   ({own})   W ({own}, {hidden})  b ({own}); "
        f"{spec.cell} goes on from {carried}",
    ]
    if ahead:
        shape = f"({hidden}, {spec.segment * ahead})"
        lines.insert(2, f"a_j: what is known of the segment, {spec.segment} × {ahead}   W_a {shape}")
    rest = count * spec.segment - horizon
    if rest:
        lines.append(
            f"the horizon is {horizon}: the last {rest} of the {count * spec.segment} steps are not used"
        )
    return lines


def _output_width(spec: NetworkSpec) -> int:
    """Numbers in h_t of the last layer, both directions together."""
    return spec.hidden_size * (2 if spec.bidirectional else 1)


def _pool(spec: NetworkSpec) -> list[str]:
    """From all steps to one vector."""
    width = _output_width(spec)
    lines = [f"pool, {spec.pool}"]
    lines += [f"{POOL_EQUATIONS[kind]}   ({width})" for kind in spec.pools]
    if len(spec.pools) > 1:
        lines.append(f"side by side   ({width * len(spec.pools)})")
    if "last" in spec.pools and spec.bidirectional:
        lines.append("of the backward half h_1, where it has read everything")
    if "attention" in spec.pools:
        lines.append(f"W_a ({spec.hidden_size}, {width})  b_a ({spec.hidden_size})  v ({spec.hidden_size})")
    return lines


def _head(spec: NetworkSpec) -> list[str]:
    """From the pooled vector, or from each step, to the output."""
    if spec.pool == "none":
        rows = prod(spec.output_shape)
        weights = f"W ({rows}, {_output_width(spec)})  b ({rows})"
        return ["head, at each step", f"y_t = W h_t + b   ({rows})", weights]
    dense = {item.field: item.size for item in spec.inputs if item.kind == "dense"}
    reads = "[" + "; ".join(["p", *dense]) + "]" if dense else "p"
    last = " + the last value of each target" if spec.skip else ""
    shape = " × ".join(str(size) for size in spec.output_shape)
    rows = prod(spec.output_shape)
    width = _output_width(spec) * len(spec.pools) + sum(dense.values())
    weights = f"W ({rows}, {width})  b ({rows})"
    return ["head", f"y = W {reads} + b{last}   ({shape})", weights]
