"""Ctrl-C once, twice, and when it is none of our business."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from tiny_fit import TinyNetwork, tiny_examples, tiny_setup

from seqcli.training import signals
from seqcli.training.loop import fit
from seqcli.training.signals import watch_interrupts


def interrupt_self():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_only_asks():
    with watch_interrupts() as interrupt:
        assert not interrupt.requested
        interrupt_self()
        assert interrupt.requested


@pytest.mark.parametrize("terminal", [False, True])
def test_the_second_ends_the_process_at_once(monkeypatch, capsys, terminal):
    ends = []
    monkeypatch.setattr(signals.os, "_exit", ends.append)
    monkeypatch.setattr(signals.sys.stderr, "isatty", lambda: terminal)
    with watch_interrupts():
        interrupt_self()
        assert ends == []
        interrupt_self()
    assert ends == [130]
    assert ("\x1b[?25h" in capsys.readouterr().err) == terminal


def test_the_handler_before_comes_back():
    before = signal.getsignal(signal.SIGINT)
    stream = fit(TinyNetwork(), tiny_examples(20, 1), None, tiny_setup())
    next(stream)
    assert signal.getsignal(signal.SIGINT) is not before
    stream.close()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_fit_in_another_thread_sets_no_handler():
    found = []

    def watch():
        with watch_interrupts() as interrupt:
            found.append((signal.getsignal(signal.SIGINT), interrupt.requested))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert found == [(before, False)]


def test_a_background_job_keeps_ignoring():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with watch_interrupts() as interrupt:
            interrupt_self()
            assert not interrupt.requested
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)  # or the next test of this worker would ignore Ctrl-C too
