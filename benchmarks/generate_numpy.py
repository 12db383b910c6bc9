"""A recurrent network of a hundred lines of NumPy, for benchmarks/generate.py.

h_t = tanh(U[x_t] + W h_{t-1} + b), 100 units, the next character from V h_t + c; 25 characters a step, one
place of the text at a time, Adagrad with .1, each element of the gradient clipped to ±5, nothing else.
"""

from __future__ import annotations

import time

import numpy as np
from generate_runs import Run, text_figures
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ids = NDArray[np.int64]
UNITS, STEPS, RATE, MOST, COLD = 100, 25, 0.1, 5.0, 64


class NumpyRnn:
    """Weights, and what is done with them."""

    def __init__(self, size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.weights: dict[str, Array] = {
            "U": 0.01 * rng.standard_normal((size, UNITS)),
            "W": 0.01 * rng.standard_normal((UNITS, UNITS)),
            "b": np.zeros(UNITS),
            "V": 0.01 * rng.standard_normal((UNITS, size)),
            "c": np.zeros(size),
        }
        self.squares = {name: np.full_like(value, 1e-8) for name, value in self.weights.items()}

    def states(self, x: Ids, h: Array) -> Array:
        """x (B, T) from h (B, H) → all states (T, B, H)."""
        given = self.weights["U"][x.T] + self.weights["b"]  # (T, B, H)
        recurrent = self.weights["W"]
        for step in range(len(given)):
            h = np.tanh(given[step] + h @ recurrent)
            given[step] = h
        return given

    def probabilities(self, states: Array) -> Array:
        """(N, H) → (N, V)."""
        logits = states @ self.weights["V"] + self.weights["c"]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        share: Array = raised / raised.sum(axis=1, keepdims=True)
        return share

    def learn(self, x: Ids, y: Ids, h: Array) -> Array:
        """One update from x and y (T,); the state to go on with, (1, H)."""
        states = self.states(x[None], h)[:, 0]  # (T, H)
        before = np.concatenate([h, states[:-1]])
        wrong = self.probabilities(states)
        wrong[np.arange(len(y)), y] -= 1.0  # the gradient of the logits
        upper = wrong @ self.weights["V"].T
        inner = np.empty_like(states)
        carried = np.zeros(UNITS)
        for step in range(len(x) - 1, -1, -1):
            inner[step] = (upper[step] + carried) * (1.0 - states[step] ** 2)
            carried = self.weights["W"] @ inner[step]
        of_inputs = np.zeros_like(self.weights["U"])
        np.add.at(of_inputs, x, inner)
        gradients = {
            "U": of_inputs,
            "W": before.T @ inner,
            "b": inner.sum(0),
            "V": states.T @ wrong,
            "c": wrong.sum(0),
        }
        for name, gradient in gradients.items():
            clipped = np.clip(gradient, -MOST, MOST)
            self.squares[name] += clipped**2
            self.weights[name] -= RATE * clipped / np.sqrt(self.squares[name])
        return states[-1:]

    def nats(self, text: Ids, rows: int) -> float:
        """Nats a character of ``rows`` stretches of equal length, each from a state of zeros."""
        each = (len(text) - 1) // rows
        x, y = (text[shift : rows * each + shift].reshape(rows, each) for shift in (0, 1))
        h, total = np.zeros((rows, UNITS)), 0.0
        for start in range(0, each, 1024):
            states = self.states(x[:, start : start + 1024], h)  # (T, B, H)
            h = states[-1]
            foreseen = self.probabilities(states.reshape(-1, UNITS))
            total -= float(
                np.log(foreseen[np.arange(len(foreseen)), y[:, start : start + 1024].T.ravel()]).sum()
            )
        return total / (rows * each)


def numpy_text(train: Ids, test: Ids, size: int, budget: float, seed: int) -> Run:
    """``whole`` and ``blk64`` when the budget is spent."""
    started = time.perf_counter()
    network, h, place, read = NumpyRnn(size, seed), np.zeros((1, UNITS)), 0, 0
    while time.perf_counter() - started < budget:
        if place + STEPS >= len(train):
            h, place = np.zeros((1, UNITS)), 0
        h = network.learn(train[place : place + STEPS], train[place + 1 : place + STEPS + 1], h)
        place += STEPS
        read += STEPS
    seconds = time.perf_counter() - started
    windows = (len(test) - 1) // COLD
    figures = text_figures(network.nats(test, 1), network.nats(test[: windows * COLD + 1], windows))
    weights = sum(value.size for value in network.weights.values())
    return Run(figures, seconds, weights, float(read))
