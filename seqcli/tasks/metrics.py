"""Which way each metric goes: the one place that knows when a value is better than another."""

from __future__ import annotations

HIGHER_IS_BETTER = {
    "accuracy": True,
    "macro_f1": True,
    "f1": True,
    "micro_f1": True,
    "subset_accuracy": True,
    "precision": True,
    "recall": True,
    "whole_sentences": True,
    "mcc": True,
    "auroc": True,
    "auprc": True,
    "hits": True,
    "false_alarms": False,
    "flagged": False,
    "cer": False,
    "wer": False,
    "whole_clips": True,
    "log_loss": False,
    "ece": False,
    "mae": False,
    "rmse": False,
    "r2": True,
    "smape": False,
    "mase": False,
    "mse": False,
    "owa": False,
    "skill": True,
    "nats": False,
    "character_nats": False,
    "blk64": False,
    "bits": False,
    "perplexity": False,
    "frame_nll": False,
    "bleu": True,
    "chrf": True,
    "exact": True,
    "token_error": False,
}
"""Every metric that a task reports; a test holds this against the models of all tasks."""

ODD_METRICS = ("auroc", "auprc", "hits", "false_alarms", "flagged")
"""Of a model that looks for odd series, on a file that says which are, and on one that does not."""


def is_worse(metric: str, value: float, limit: float) -> bool:
    """Whether ``value`` is on the bad side of ``limit``; NaN, which nothing was measured by, is."""
    return not (value >= limit if HIGHER_IS_BETTER[metric] else value <= limit)
