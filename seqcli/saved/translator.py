"""The two graphs of a network that translates: what they take and give, and which networks have them.

encoder     source, lengths → memory, keys, padding, start_s …
decoder     written, memory, keys, padding, s …, count → output, weights, best, tokens, next_s …
"""

from __future__ import annotations

from seqcli.network import SOURCE, WRITTEN, NetworkSpec
from seqcli.saved.graph_check import Port, Signature

ENCODER, DECODER = "encoder", "decoder"
MEMORY, KEYS, PADDING, COUNT = "memory", "keys", "padding", "count"
"""What the encoder says at each step, what is looked up of it, where it is padding; how many tokens are the
best that are wanted."""
BEST, TOKENS, WEIGHTS = "best", "tokens", "weights"
"""Log-probabilities of the best tokens, the ids of those, how much each step of the source counts."""
KINDS = ("dot", "bahdanau")
START = "start_"
NEXT = "next_"


def valid_attention(spec: NetworkSpec) -> bool:
    """Whether a network has no attention, or one with a text to look at and one to write."""
    if spec.attention == "":
        return True
    fields = tuple(item.field for item in spec.inputs)
    if spec.attention not in KINDS or fields != (SOURCE, WRITTEN):
        return False
    tokens = all(item.kind == "tokens" for item in spec.inputs)
    alike = len({item.embedding_size for item in spec.inputs}) == 1
    whole = spec.pool == "none" and spec.decoder == "direct" and not spec.chain and not spec.skip
    alone = not (spec.streams or spec.stateful or spec.band or spec.each_target)
    return tokens and alike and whole and alone and spec.output_shape == (spec.inputs[1].size,)


def memory_size(spec: NetworkSpec) -> int:
    """Numbers that the encoder says at a step."""
    return spec.hidden_size * (2 if spec.bidirectional else 1)


def fits_translator(name: str, signature: Signature, spec: NetworkSpec) -> bool:
    """Whether a graph called ``name`` takes and gives what the network of ``spec`` does."""
    found = {ENCODER: _is_encoder, DECODER: _is_decoder}
    return name in found and found[name](signature, spec)


def _is_encoder(signature: Signature, spec: NetworkSpec) -> bool:
    """source int64 (B, S), lengths int64 (B,) → memory (B, S, D), keys (B, S, H), padding (B, 1, S), start_s
    (B, H) a state."""
    starts = {name for name in signature.outputs if name.startswith(START)}
    return signature == Signature(
        {SOURCE: Port("I", (None, None)), "lengths": Port("I", (None,))},
        {**_memory(spec), **dict.fromkeys(starts, Port("F", (None, spec.hidden_size)))},
    )


def _is_decoder(signature: Signature, spec: NetworkSpec) -> bool:
    """written int64 (R, T), what the encoder said of B sources (R is a multiple of B), s (R, H) a state,
    count int64 (1,) → output (R, T, V), weights (R, T, S), best and tokens (R, T, count), next_s (R, H)."""
    known = {*_memory(spec), WRITTEN, COUNT}
    states = set(signature.inputs) - known
    state = Port("F", (None, spec.hidden_size))
    return signature == Signature(
        {
            **_memory(spec),
            WRITTEN: Port("I", (None, None)),
            COUNT: Port("I", (1,)),
            **dict.fromkeys(states, state),
        },
        {
            "output": Port("F", (None, None, *spec.output_shape)),
            WEIGHTS: Port("F", (None, None, None)),
            BEST: Port("F", (None, None, None)),
            TOKENS: Port("F", (None, None, None)),
            **{NEXT + name: state for name in states},
        },
    )


def _memory(spec: NetworkSpec) -> dict[str, Port]:
    return {
        MEMORY: Port("F", (None, None, memory_size(spec))),
        KEYS: Port("F", (None, None, spec.hidden_size)),
        PADDING: Port("F", (None, None, None)),
    }
