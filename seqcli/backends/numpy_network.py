"""A language model in NumPy: embedding → recurrent layers → linear head → softmax cross-entropy.

    x_t = E[token_t]                          a row of the table; several token fields stand side by side
    h_t = layers(x_t, state)                  see :mod:`seqcli.backends.numpy_cells`
    s_t = W h_t + b                           logits, one a token of the vocabulary
    p_t = softmax(s_t)
    L   = −1/N Σ_t log p_t[target_t]          N: steps of all rows of the batch

    ds_t = (p_t − onehot(target_t)) / N       dh_t = Wᵀ ds_t     dW = Σ_t ds_t h_tᵀ     db = Σ_t ds_t
    dE[v] = Σ_{t: token_t = v} dx_t           row 0 is padding and stays as it is

Each row of a batch is a stretch of a long stream. It goes on from the state that the stretch before it left,
which counts as a constant: backpropagation through time is truncated there (Williams & Peng 1990, Neural
Computation 2:490). A row that is fresh begins at the learned first state instead, which gets a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seqcli.backends.numpy_cells import Array, State, Trace, Weights, load_numpy_cell
from seqcli.sequences import IntArray


class NumpyNetwork:
    """A language model over ``weights``, which have the names that the torch network's have.

    ``embeddings.k.weight`` (V_k, E_k), one a token field; ``encoder.layers.i.forward_cell.P`` with P of
    :class:`~seqcli.backends.numpy_cells.Weights`; ``start.h_i`` and for an LSTM ``start.c_i`` (H,);
    ``head.weight`` (V, H) and ``head.bias`` (V,). The arrays are used as they are, not copied, so what an
    optimiser changes in place is seen by the next call. All are of one float type, in which all is computed.

    Raises UsageError for a cell that has no NumPy form, ValueError for the weights of another network.
    """

    def __init__(self, cell: str, weights: Mapping[str, Array]) -> None:
        kind = load_numpy_cell(cell)
        layers = range(sum(name.endswith("forward_cell.weight_ih") for name in weights))
        tables = range(sum(name.startswith("embeddings.") for name in weights))
        self._tables = [f"embeddings.{k}.weight" for k in tables]
        self._layers = [
            [f"encoder.layers.{i}.forward_cell.{part}" for part in Weights._fields] for i in layers
        ]
        self._starts = [[f"start.{state}_{i}" for state in kind.states] for i in layers]
        names = {"head.weight", "head.bias"}.union(self._tables, *self._layers, *self._starts)
        if names != set(weights):
            other = ", ".join(sorted(names ^ set(weights)))
            raise ValueError(f"the weights are not those of a one-directional language model: {other}")
        self.weights = weights
        self.cells = [kind(Weights(*(weights[name] for name in layer))) for layer in self._layers]

    def logits(
        self, tokens: IntArray, states: list[State] | None = None, fresh: NDArray[np.bool_] | None = None
    ) -> tuple[Array, list[State]]:
        """tokens (B, T[, fields]) → logits (B, T, V) and the state of each layer after step T, (B, H) each.

        Rows begin at the learned first state where ``fresh`` (B,) is true, and all do without ``states``.
        """
        ids = _time_major(tokens)
        h, after, _ = self._forward(ids, states, _fresh(ids, states, fresh))
        logits = h @ self.weights["head.weight"].T + self.weights["head.bias"]  # (T*B, V)
        return logits.reshape(*ids.shape[:2], -1).swapaxes(0, 1), after

    def loss(
        self,
        tokens: IntArray,
        targets: IntArray,
        states: list[State] | None = None,
        fresh: NDArray[np.bool_] | None = None,
    ) -> tuple[float, dict[str, Array], list[State]]:
        """tokens (B, T[, fields]), targets (B, T); states as :meth:`logits` takes them.

        Returns the mean loss over the B*T targets, its gradient by the names of the weights, and the
        states after step T.
        """
        ids = _time_major(tokens)  # (T, B, fields)
        fresh = _fresh(ids, states, fresh)
        h, after, traces = self._forward(ids, states, fresh)  # (T*B, H)
        head = self.weights["head.weight"]
        loss, d_logits = _cross_entropy(h @ head.T + self.weights["head.bias"], targets.T.reshape(-1))
        d_h = (d_logits @ head).reshape(*ids.shape[:2], -1)  # (T, B, H)
        gradients = {"head.weight": d_logits.T @ h, "head.bias": d_logits.sum(0)}
        gradients.update(self._backward(ids, fresh, traces, d_h))
        return loss, gradients, after

    def _forward(
        self, ids: IntArray, states: list[State] | None, fresh: NDArray[np.bool_]
    ) -> tuple[Array, list[State], list[Trace]]:
        """ids (T, B, fields) → the last layer's h (T*B, H), the states after step T, and all traces."""
        x = np.concatenate([self.weights[name][ids[..., k]] for k, name in enumerate(self._tables)], axis=-1)
        after, traces = [], []
        for depth, cell in enumerate(self.cells):
            learned = [self.weights[name] for name in self._starts[depth]]  # (H,) each
            carried = learned if states is None else states[depth]
            before = tuple(np.where(fresh[:, None], *pair) for pair in zip(learned, carried, strict=True))
            x, state, trace = cell.forward(x, before)
            after.append(state)
            traces.append(trace)
        return x.reshape(-1, x.shape[-1]), after, traces

    def _backward(
        self, ids: IntArray, fresh: NDArray[np.bool_], traces: list[Trace], d: Array
    ) -> dict[str, Array]:
        """Gradients of all but the head, from ``d`` (T, B, H), the gradient of the last layer's outputs."""
        gradients: dict[str, Array] = {}
        for depth, cell in reversed(list(enumerate(self.cells))):
            cut = tuple(np.zeros_like(d[0]) for _ in cell.states)  # the loss of later stretches is not seen
            d, d_before, d_weights = cell.backward(traces[depth], d, cut)  # d: (T, B, F) from here on
            gradients.update(zip(self._layers[depth], d_weights, strict=True))
            for name, d_state in zip(self._starts[depth], d_before, strict=True):
                gradients[name] = d_state[fresh].sum(0)
        end = 0
        for k, name in enumerate(self._tables):
            table = self.weights[name]
            start, end = end, end + table.shape[1]
            gradients[name] = _table_gradient(table, ids[..., k].reshape(-1), d[..., start:end])
        return gradients


def _time_major(tokens: IntArray) -> IntArray:
    """(B, T) or (B, T, fields) → (T, B, fields)."""
    return tokens.reshape(*tokens.shape[:2], -1).swapaxes(0, 1)


def _fresh(ids: IntArray, states: list[State] | None, fresh: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Which rows of ids (T, B, fields) begin anew, (B,)."""
    if states is None:
        return np.ones(ids.shape[1], dtype=np.bool_)
    return np.zeros(ids.shape[1], dtype=np.bool_) if fresh is None else fresh


def _cross_entropy(logits: Array, targets: IntArray) -> tuple[float, Array]:
    """Mean −log softmax(logits)[target], and its gradient: logits (N, V), targets (N,) → scalar, (N, V)."""
    rows = np.arange(len(targets))
    shifted = logits - logits.max(axis=1, keepdims=True)  # so that no exponential overflows
    p = np.exp(shifted)
    total = p.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0]) - shifted[rows, targets]))
    p /= total
    p[rows, targets] -= 1
    p /= len(targets)
    return loss, p


def _table_gradient(table: Array, ids: IntArray, d_x: Array) -> Array:
    """dE (V, E) of ``table``: for each id the sum of d_x (T, B, E) over the steps that read it, ids (T*B,).

    Sorted first, each sum is one over neighbours; ``np.add.at`` is four times slower.
    """
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    first = np.flatnonzero(np.diff(ids, prepend=-1))  # where the neighbours of each id begin
    gradient = np.zeros_like(table)
    gradient[ids[first]] = np.add.reduceat(d_x.reshape(len(ids), -1)[order], first, axis=0)
    gradient[0] = 0
    return gradient
