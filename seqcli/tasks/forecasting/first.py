"""Forecasters as the first version saved them: a share of the network, the rest the reference forecast."""

from __future__ import annotations

from typing import Any

from seqcli.errors import ModelError
from seqcli.tasks.forecast import Forecast
from seqcli.tasks.forecasting.mixture import NAIVE, NETWORK, SEASONAL


class FirstForecast(Forecast):
    """``forecast.v1``, read as what it is today: a mixture of two members for each target."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Forecast:
        """Rebuild from what the first version wrote. Raises ModelError on anything else."""
        try:
            frame = data["frame"]
            shares = [float(share) for share in data["share"]]
            seasonal = [bool(flag) for flag in frame["seasonal"]]
            if len(shares) != len(seasonal) or not all(share >= 0 for share in shares):
                raise ValueError("shares that cannot be used")
            members = {
                NAIVE: [0.0 if flag else 1 - share for flag, share in zip(seasonal, shares, strict=True)]
            }
            if any(seasonal):
                rest = [1 - share if flag else 0.0 for flag, share in zip(seasonal, shares, strict=True)]
                members[SEASONAL] = rest
            members[NETWORK] = shares
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the model's forecast task cannot be read") from error
        mixture = {
            "members": list(members),
            "weights": list(members.values()),
            "seasons": 0,
            "penalty": None,
            "simplest": SEASONAL if all(seasonal) else NAIVE,
            "gain": 0.0,
        }
        return Forecast.from_json({**data, "mixture": mixture})
