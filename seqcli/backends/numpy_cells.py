"""RNN, GRU and LSTM from their equations, with backpropagation through time by hand. NumPy alone.

Forward, a cell reads x_1 … x_T and carries a state from step to step. Backward, it goes through the same
steps from the last to the first (Werbos 1990, Proc. IEEE 78:1550). In the equations L is the loss,

    dv    ∂L/∂v, for any v; dy_t is what the layer above says about the output h_t of step t
    v̂     what goes into the σ or tanh that makes v. So

          v = σ(v̂)     dv̂ = dv ⊙ v (1 − v)
          v = tanh(v̂)  dv̂ = dv ⊙ (1 − v²)

All gates of a step need two sums, a_t from its input and u_t from the state, and pass gradients on to both:

    a_t = W_ih x_t + b_ih          dx_t = W_ihᵀ da_t          dW_ih = Σ_t da_t x_tᵀ       db_ih = Σ_t da_t
    u_t = W_hh h_{t-1} + b_hh      dh_{t-1} += W_hhᵀ du_t     dW_hh = Σ_t du_t h_{t-1}ᵀ   db_hh = Σ_t du_t

Only what passes through h needs a loop over time; the rest is one matrix product over all steps, before the
forward loop (a) or after the backward one (dx, dW, db). Arrays are time-major and hold one vector a row, so
that W x is written ``x @ W.T``. Gates are row blocks of the weights, which have torch's names and order.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import UsageError, near_miss

Array: TypeAlias = NDArray[np.floating[Any]]
State: TypeAlias = tuple[Array, ...]
"""What a cell carries from step to step, each (B, H): (h,) or (h, c). Its gradient has the same form."""
Trace: TypeAlias = dict[str, Array]
"""All that the equations of a cell name, over a whole sequence: x (T, B, F), gates (T, B, H) after their σ or
tanh, and states (T + 1, B, H), of which the first is the one before step 1."""


class Weights(NamedTuple):
    """The weights of a cell with G gates, or their gradients."""

    weight_ih: Array
    """(G·H, F)"""
    weight_hh: Array
    """(G·H, H)"""
    bias_ih: Array
    """(G·H,)"""
    bias_hh: Array
    """(G·H,)"""


class NumpyCell:
    """One layer in one direction."""

    gates: ClassVar[tuple[str, ...]]
    """The row blocks of the weights, in order."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    """Names of what is carried from step to step; the first is also the output."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.hidden_size = weights.weight_hh.shape[1]

    def forward(self, x: Array, state: State) -> tuple[Array, State, Trace]:
        """x (T, B, F) and the state before step 1 → outputs (T, B, H), the state after step T, the trace."""
        raise NotImplementedError  # abstract: every cell below has its own

    def backward(self, trace: Trace, d_outputs: Array, d_state: State) -> tuple[Array, State, Weights]:
        """∂L/∂outputs (T, B, H) and ∂L/∂(state after T) → ∂L/∂x (T, B, F), ∂L/∂(state before 1), ∂L/∂weights.

        ``trace`` is what :meth:`forward` made of the sequence.
        """
        raise NotImplementedError  # abstract: every cell below has its own

    def _from_inputs(self, x: Array) -> Array:
        """a_t of all steps: x (T, B, F) → (T, B, G·H)."""
        a = _rows(x) @ self.weights.weight_ih.T + self.weights.bias_ih
        return a.reshape(*x.shape[:2], -1)

    def _gradients(self, trace: Trace, d_a: Array, d_u: Array) -> tuple[Array, Weights]:
        """dx (T, B, F) and the gradients of the weights, from da_t and du_t of all steps (T, B, G·H)."""
        x, h = trace["x"], trace["h"][:-1]  # h_{t-1}
        d_x = (_rows(d_a) @ self.weights.weight_ih).reshape(x.shape)
        d_weight_ih, d_weight_hh = _rows(d_a).T @ _rows(x), _rows(d_u).T @ _rows(h)
        return d_x, Weights(d_weight_ih, d_weight_hh, _rows(d_a).sum(0), _rows(d_u).sum(0))


class Rnn(NumpyCell):
    """Simple recurrent network (Elman 1990, Cognitive Science 14:179).

        h_t = tanh(a_t + u_t)

        dh_t = dy_t + W_hhᵀ du_{t+1}
        da_t = du_t = dh_t ⊙ (1 − h_t²)

    Gradients pass W_hh and tanh at every step, and so vanish or explode.
    """

    gates = ("h",)

    def forward(self, x: Array, state: State) -> tuple[Array, State, Trace]:
        """x (T, B, F), (h,) → outputs (T, B, H), (h_T,), trace."""
        _, weight_hh, _, bias_hh = self.weights
        a = self._from_inputs(x) + bias_hh  # (T, B, H)
        h = _states(state[0], len(x))  # (T + 1, B, H)
        for t in range(len(x)):
            h[t + 1] = np.tanh(a[t] + h[t] @ weight_hh.T)
        return h[1:], (h[-1],), {"x": x, "h": h}

    def backward(self, trace: Trace, d_outputs: Array, d_state: State) -> tuple[Array, State, Weights]:
        """Trace, dy (T, B, H), (dh_T,) → dx (T, B, F), (dh_0,), gradients of the weights."""
        weight_hh = self.weights.weight_hh
        slope = 1 - trace["h"][1:] ** 2  # (T, B, H): what stands beside dh_t, known before the loop
        d_a = np.empty_like(slope)
        (d_h,) = d_state
        for t in reversed(range(len(d_a))):
            d_h = d_h + d_outputs[t]
            d_a[t] = d_h * slope[t]
            d_h = d_a[t] @ weight_hh
        d_x, d_weights = self._gradients(trace, d_a, d_a)
        return d_x, (d_h,), d_weights


class Gru(NumpyCell):
    """Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078), in the form torch computes.

        r_t = σ(a_r + u_r)                        reset gate
        z_t = σ(a_z + u_z)                        update gate: the share of the old state
        n_t = tanh(a_n + r_t ⊙ u_n)               candidate; u_n = W_hn h_{t-1} + b_hn
        h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t-1}

        dh_t = dy_t + dh_{t+1} ⊙ z_{t+1} + W_hhᵀ du_{t+1}
        dn̂_t = dh_t ⊙ (1 − z_t) (1 − n_t²)
        dẑ_t = dh_t ⊙ (h_{t-1} − n_t) z_t (1 − z_t)
        dr̂_t = dn̂_t ⊙ u_n r_t (1 − r_t)
        da_t = [dr̂_t, dẑ_t, dn̂_t]
        du_t = [dr̂_t, dẑ_t, dn̂_t ⊙ r_t]

    r follows the product with W_hn, so that all three gates need one product.
    """

    gates = ("r", "z", "n")

    def forward(self, x: Array, state: State) -> tuple[Array, State, Trace]:
        """x (T, B, F), (h,) → outputs (T, B, H), (h_T,), trace, which holds u_n (T, B, H) too."""
        _, weight_hh, _, bias_hh = self.weights
        a = self._from_inputs(x)  # (T, B, 3H); its parts become the gates, in place
        u = np.empty_like(a)
        (r, z, n), (u_r, u_z, u_n) = _parts(a, 3), _parts(u, 3)  # (T, B, H) each
        h = _states(state[0], len(x))  # (T + 1, B, H)
        for t in range(len(x)):
            u[t] = h[t] @ weight_hh.T + bias_hh
            r[t] = sigmoid(r[t] + u_r[t])
            z[t] = sigmoid(z[t] + u_z[t])
            n[t] = np.tanh(n[t] + r[t] * u_n[t])
            h[t + 1] = (1 - z[t]) * n[t] + z[t] * h[t]
        return h[1:], (h[-1],), {"x": x, "h": h, "r": r, "z": z, "n": n, "u_n": u_n}

    def backward(self, trace: Trace, d_outputs: Array, d_state: State) -> tuple[Array, State, Weights]:
        """Trace, dy (T, B, H), (dh_T,) → dx (T, B, F), (dh_0,), gradients of the weights."""
        weight_hh = self.weights.weight_hh
        r, z, n, before = trace["r"], trace["z"], trace["n"], trace["h"][:-1]
        slope_n = (1 - z) * (1 - n**2)
        slope_z = (before - n) * z * (1 - z)
        slope_r = trace["u_n"] * r * (1 - r)
        d_a = np.empty((*r.shape[:2], 3 * self.hidden_size), r.dtype)
        d_u = np.empty_like(d_a)
        (d_r, d_z, d_n), d_u_n = _parts(d_a, 3), _parts(d_u, 3)[-1]
        (d_h,) = d_state
        for t in reversed(range(len(d_a))):
            d_h = d_h + d_outputs[t]
            d_n[t] = d_h * slope_n[t]
            d_z[t] = d_h * slope_z[t]
            d_r[t] = d_n[t] * slope_r[t]
            d_u[t] = d_a[t]
            d_u_n[t] *= r[t]
            d_h = d_h * z[t] + d_u[t] @ weight_hh
        d_x, d_weights = self._gradients(trace, d_a, d_u)
        return d_x, (d_h,), d_weights


class TextbookGru(NumpyCell):
    """The GRU as textbooks have it: r before the product, and z the share of the new state.

        r_t = σ(a_r + u_r)
        z_t = σ(a_z + u_z)
        n_t = tanh(a_n + W_hn q_t + b_hn)         q_t = r_t ⊙ h_{t-1}
        h_t = (1 − z_t) ⊙ h_{t-1} + z_t ⊙ n_t

        dh_t = dy_t + dh_{t+1} ⊙ (1 − z_{t+1}) + dq_{t+1} ⊙ r_{t+1} + [W_hr, W_hz]ᵀ [dr̂_{t+1}, dẑ_{t+1}]
        dn̂_t = dh_t ⊙ z_t (1 − n_t²)
        dẑ_t = dh_t ⊙ (n_t − h_{t-1}) z_t (1 − z_t)
        dq_t = W_hnᵀ dn̂_t
        dr̂_t = dq_t ⊙ h_{t-1} r_t (1 − r_t)

    With z's weights and biases negated, 1 − z takes z's place, and this is ONNX's GRU with
    ``linear_before_reset=0``. Its weights mean something else than those of :class:`Gru`.
    """

    gates = ("r", "z", "n")

    def forward(self, x: Array, state: State) -> tuple[Array, State, Trace]:
        """x (T, B, F), (h,) → outputs (T, B, H), (h_T,), trace."""
        (weight_rz, weight_n), bias_hh = self._hidden_weights(), self.weights.bias_hh
        a = self._from_inputs(x) + bias_hh  # (T, B, 3H); its parts become the gates, in place
        (r, z, n), rz = _parts(a, 3), a[..., : 2 * self.hidden_size]
        h = _states(state[0], len(x))  # (T + 1, B, H)
        for t in range(len(x)):
            rz[t] = sigmoid(rz[t] + h[t] @ weight_rz.T)
            n[t] = np.tanh(n[t] + (r[t] * h[t]) @ weight_n.T)
            h[t + 1] = (1 - z[t]) * h[t] + z[t] * n[t]
        return h[1:], (h[-1],), {"x": x, "h": h, "r": r, "z": z, "n": n}

    def backward(self, trace: Trace, d_outputs: Array, d_state: State) -> tuple[Array, State, Weights]:
        """Trace, dy (T, B, H), (dh_T,) → dx (T, B, F), (dh_0,), gradients of the weights."""
        weight_rz, weight_n = self._hidden_weights()
        r, z, n, before = trace["r"], trace["z"], trace["n"], trace["h"][:-1]
        slope_n = z * (1 - n**2)
        slope_z = (n - before) * z * (1 - z)
        slope_r = before * r * (1 - r)
        d_a = np.empty((*r.shape[:2], 3 * self.hidden_size), r.dtype)
        (d_r, d_z, d_n), d_rz = _parts(d_a, 3), d_a[..., : 2 * self.hidden_size]
        (d_h,) = d_state
        for t in reversed(range(len(d_a))):
            d_h = d_h + d_outputs[t]
            d_n[t] = d_h * slope_n[t]
            d_z[t] = d_h * slope_z[t]
            d_q = d_n[t] @ weight_n
            d_r[t] = d_q * slope_r[t]
            d_h = d_h * (1 - z[t]) + d_q * r[t] + d_rz[t] @ weight_rz
        d_x, d_weights = self._gradients(trace, d_a, d_a)
        d_weights.weight_hh[2 * self.hidden_size :] = _rows(d_n).T @ _rows(r * before)  # W_hn reads q, not h
        return d_x, (d_h,), d_weights

    def _hidden_weights(self) -> tuple[Array, Array]:
        """[W_hr, W_hz] (2H, H) and W_hn (H, H)."""
        weight_hh, size = self.weights.weight_hh, self.hidden_size
        return weight_hh[: 2 * size], weight_hh[2 * size :]


class Lstm(NumpyCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000).

        i_t = σ(a_i + u_i)                        input: how much to write
        f_t = σ(a_f + u_f)                        forget: how much to keep
        g_t = tanh(a_g + u_g)                     candidate
        o_t = σ(a_o + u_o)                        output: how much to show
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)

        dh_t = dy_t + W_hhᵀ du_{t+1}
        dô_t = dh_t ⊙ tanh(c_t) o_t (1 − o_t)
        dc_t = dc_{t+1} ⊙ f_{t+1} + dh_t ⊙ o_t (1 − tanh²(c_t))
        dî_t = dc_t ⊙ g_t i_t (1 − i_t)
        df̂_t = dc_t ⊙ c_{t-1} f_t (1 − f_t)
        dĝ_t = dc_t ⊙ i_t (1 − g_t²)
        da_t = du_t = [dî_t, df̂_t, dĝ_t, dô_t]

    c is carried by a sum, scaled by f alone: this is the path on which gradients reach far back.
    """

    gates = ("i", "f", "g", "o")
    states = ("h", "c")

    def forward(self, x: Array, state: State) -> tuple[Array, State, Trace]:
        """x (T, B, F), (h, c) → outputs (T, B, H), (h_T, c_T), trace."""
        _, weight_hh, _, bias_hh = self.weights
        a = self._from_inputs(x) + bias_hh  # (T, B, 4H); its parts become the gates, in place
        (i, f, g, o), i_f = _parts(a, 4), a[..., : 2 * self.hidden_size]
        h, c = (_states(before, len(x)) for before in state)  # (T + 1, B, H) each
        for t in range(len(x)):
            a[t] += h[t] @ weight_hh.T
            i_f[t] = sigmoid(i_f[t])  # i and f, which lie side by side
            g[t] = np.tanh(g[t])
            o[t] = sigmoid(o[t])
            c[t + 1] = f[t] * c[t] + i[t] * g[t]
            h[t + 1] = o[t] * np.tanh(c[t + 1])
        return h[1:], (h[-1], c[-1]), {"x": x, "h": h, "c": c, "i": i, "f": f, "g": g, "o": o}

    def backward(self, trace: Trace, d_outputs: Array, d_state: State) -> tuple[Array, State, Weights]:
        """Trace, dy (T, B, H), (dh_T, dc_T) → dx (T, B, F), (dh_0, dc_0), gradients of the weights."""
        weight_hh = self.weights.weight_hh
        i, f, g, o = (trace[gate] for gate in self.gates)
        shown = np.tanh(trace["c"][1:])
        slope_i = g * i * (1 - i)
        slope_f = trace["c"][:-1] * f * (1 - f)
        slope_g = i * (1 - g**2)
        slope_o = shown * o * (1 - o)
        slope_c = o * (1 - shown**2)
        d_a = np.empty((*i.shape[:2], 4 * self.hidden_size), i.dtype)
        d_i, d_f, d_g, d_o = _parts(d_a, 4)
        d_h, d_c = d_state
        for t in reversed(range(len(d_a))):
            d_h = d_h + d_outputs[t]
            d_c = d_c + d_h * slope_c[t]
            d_i[t] = d_c * slope_i[t]
            d_f[t] = d_c * slope_f[t]
            d_g[t] = d_c * slope_g[t]
            d_o[t] = d_h * slope_o[t]
            d_c = d_c * f[t]
            d_h = d_a[t] @ weight_hh
        d_x, d_weights = self._gradients(trace, d_a, d_a)
        return d_x, (d_h, d_c), d_weights


NUMPY_CELLS: dict[str, type[NumpyCell]] = {"rnn": Rnn, "gru": Gru, "lstm": Lstm}


def load_numpy_cell(name: str, textbook: bool = False) -> type[NumpyCell]:
    """The class of a cell; with ``textbook`` that of the GRU in the textbooks' form.

    Raises UsageError for a name that has no cell here, or no other form.
    """
    if name not in NUMPY_CELLS:
        close = near_miss(name, NUMPY_CELLS)
        hint = f"did you mean {close}?" if close else f"--backend numpy has {', '.join(NUMPY_CELLS)}"
        raise UsageError(f"no cell written in NumPy is called {name!r}", hint)
    if not textbook:
        return NUMPY_CELLS[name]
    if name != "gru":
        raise UsageError(f"{name} has no other form in textbooks", "gru has one")
    return TextbookGru


def _rows(values: Array) -> Array:
    """(T, B, F) → (T*B, F): all steps of all rows of the batch, for one matrix product."""
    return values.reshape(-1, values.shape[-1])


def _parts(gates: Array, count: int) -> list[Array]:
    """The gates' own parts of (T, B, G·H), (T, B, H) each: views, so that what is written there is kept."""
    size = gates.shape[-1] // count
    return [gates[..., k * size : (k + 1) * size] for k in range(count)]


def _states(first: Array, steps: int) -> Array:
    """Room for the states before and after every step, (T + 1, B, H), with ``first`` (B, H) in its place."""
    states = np.empty((steps + 1, *first.shape), first.dtype)
    states[0] = first
    return states


def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ) of x (..., H), written so that no x overflows."""
    half: Array = np.tanh(x / 2) / 2
    return half + 0.5
