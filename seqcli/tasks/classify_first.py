"""Classifiers as the first version saved them: a network with a temperature."""

from __future__ import annotations

from typing import Any

from seqcli.errors import ModelError
from seqcli.tasks.classify import Classify
from seqcli.tasks.classify_metrics import LEAST_TEMPERATURE, MOST_TEMPERATURE


class FirstClassify(Classify):
    """``classify.v1``, read as what it is today: a classifier without a linear part."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Classify:
        """Rebuild from what the first version wrote. Raises ModelError on anything else."""
        try:
            temperature = float(data["temperature"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's task cannot be read", "train it again") from error
        if not LEAST_TEMPERATURE <= temperature <= MOST_TEMPERATURE:
            raise ModelError("the model's temperature cannot be read", "train it again")
        scale = 1 / temperature
        fusion = {"network": scale, "prior": 0.0, "network_alone": scale, "prior_alone": 1.0}
        return Classify.from_json({**data, "fusion": fusion, "prior": None})
