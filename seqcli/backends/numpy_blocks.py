"""minGRU, minLSTM and Mamba in their residual block, from their equations: forwards alone. NumPy alone.

See :mod:`seqcli.backends.cells.block` and the files of the cells for the equations; here they stand once
more, step by step, to show what a saved network does and to be compared with the torch cells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np

from seqcli.backends.numpy_cells import Array, State, sigmoid

Find: TypeAlias = Callable[[str, tuple[int, ...]], Array]
"""The name of a weight of a cell, and its shape → the weight."""
Seen: TypeAlias = dict[str, Array]
"""By name, what the equations made of one step (H,)."""
REACH, WIDER, STATES = 3, 2, 4
"""Steps that the convolution sees before one, width inside the gated part, states a unit of Mamba."""
EPSILON = 1e-5


class NumpyBlock:
    """One layer in one direction, of H units that read F numbers."""

    gates: ClassVar[tuple[str, ...]]
    """Row blocks of weight_ih."""
    memory: ClassVar[tuple[str, ...]] = ("h",)
    """Names of what reaches far back; the three last u are carried behind it."""

    def __init__(self, find: Find, inputs: int, hidden: int) -> None:
        self.find, self.hidden = find, hidden
        wide = WIDER * hidden
        self._enter = self._affine("in", hidden, inputs) if inputs != hidden else None
        self._conv = find("weight_conv", (REACH + 1, hidden)), find("bias_conv", (hidden,))
        self._up = self._affine("up", 2 * wide, hidden)
        self._down = self._affine("down", hidden, wide)
        self._norms = [
            [find(f"norms.{k}.{part}", (hidden,)) for part in ("weight", "bias")] for k in range(3)
        ]
        self.weight = find("weight_ih", (len(self.gates) * hidden, hidden))
        self.bias = find("bias_ih", (len(self.gates) * hidden,))

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all that is carried."""
        return (*self.memory, *(f"u{k}" for k in range(1, REACH + 1)))

    def forward(self, x: Array, state: State) -> tuple[Array, Seen, Array]:
        """x (T, F), state (H,) each → outputs (T, H), what is named (T, H) each, memory (T + 1, N, H)."""
        outputs, named, memories = [], [], [np.stack(state[:-REACH])]
        memory, last = memories[0], list(state[-REACH:])
        for step in x:
            v = step if self._enter is None else self._enter[0] @ step + self._enter[1]
            u = self._norm(0, v)
            c = self._conv[1] + sum(w * seen for w, seen in zip(self._conv[0], (u, *last), strict=True))
            y, memory, seen = self.mix(c, u, memory)
            v = v + y
            gate, up = np.split(self._up[0] @ self._norm(1, v) + self._up[1], 2)
            v = v + self._down[0] @ (gate * sigmoid(gate) * up) + self._down[1]
            last = [u, *last[:-1]]
            outputs.append(self._norm(2, v))
            named.append(seen)
            memories.append(memory)
        found = {name: np.stack([seen[name] for seen in named]) for name in named[0]}
        return np.stack(outputs), found, np.stack(memories)

    def mix(self, c: Array, u: Array, memory: Array) -> tuple[Array, Array, Seen]:
        """c and u (H,), memory (N, H) → y (H,), memory, what the equations name."""
        raise NotImplementedError  # abstract: every kind has its own

    def made(self, c: Array) -> list[Array]:
        """Of c (H,) what goes into each gate, (H,) each."""
        return np.split(self.weight @ c + self.bias, len(self.gates))

    def _affine(self, name: str, rows: int, columns: int) -> tuple[Array, Array]:
        return self.find(f"weight_{name}", (rows, columns)), self.find(f"bias_{name}", (rows,))

    def _norm(self, place: int, v: Array) -> Array:
        weight, bias = self._norms[place]
        normal: Array = (v - v.mean()) / np.sqrt(v.var() + EPSILON) * weight + bias
        return normal


class MinGru(NumpyBlock):
    """h = z h + (1 − z) n."""

    gates = ("z", "n")

    def mix(self, c: Array, u: Array, memory: Array) -> tuple[Array, Array, Seen]:
        """c (H,), memory (1, H)."""
        z, n = self.made(c)
        z = sigmoid(z)
        h = z * memory[0] + (1 - z) * n
        return h, h[None], {"z": z, "n": n, "h": h}


class MinLstm(NumpyBlock):
    """h = a h + (1 − a) n, a = f / (f + i)."""

    gates = ("f", "i", "n")

    def mix(self, c: Array, u: Array, memory: Array) -> tuple[Array, Array, Seen]:
        """c (H,), memory (1, H)."""
        f, i, n = self.made(c)
        # f / (f + i) without a 0 / 0 where both are as good as closed
        a = sigmoid(np.logaddexp(0, -i) - np.logaddexp(0, -f))
        h = a * memory[0] + (1 - a) * n
        return h, h[None], {"f": sigmoid(f), "i": sigmoid(i), "a": a, "n": n, "h": h}


class Mamba(NumpyBlock):
    """h_n = exp(−d exp(A_n)) h_n + B_n d s, and Σ_n C_n h_n + D s is shown."""

    gates = ("d",)
    memory = tuple(f"h{n}" for n in range(1, STATES + 1))

    def __init__(self, find: Find, inputs: int, hidden: int) -> None:
        super().__init__(find, inputs, hidden)
        self._select = find("weight_select", (2 * STATES, hidden))
        self._speed = np.exp(find("log_speed", (STATES, hidden)))
        self._through = find("through", (hidden,))
        self._gate, self._out = self._affine("gate", hidden, hidden), self._affine("out", hidden, hidden)

    def mix(self, c: Array, u: Array, memory: Array) -> tuple[Array, Array, Seen]:
        """c and u (H,), memory (N, H)."""
        s = c * sigmoid(c)
        d = np.logaddexp(0, self.made(s)[0])
        write, read = np.split(self._select @ s, 2)
        a = np.exp(-d * self._speed)  # (N, H)
        memory = a * memory + write[:, None] * (d * s)
        h = read @ memory + self._through * s
        gate = self._gate[0] @ u + self._gate[1]
        y = self._out[0] @ (h * gate * sigmoid(gate)) + self._out[1]
        return y, memory, {"d": d, "a": a.mean(0), "h": h}


NUMPY_BLOCKS: dict[str, type[NumpyBlock]] = {"mingru": MinGru, "minlstm": MinLstm, "mamba": Mamba}
