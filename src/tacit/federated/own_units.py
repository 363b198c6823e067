"""A trained module with the units of the data around it: from features as they are to what a prediction is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tacit.federated.statistics import Scaling
from tacit.study import Agreement

FloatArray = npt.NDArray[np.float64]

ROWS_AT_ONCE = 256


class InOwnUnits(nn.Module):
    """Scaling, the module, and class probabilities or the label in its own units; float64."""

    scale: torch.Tensor
    offset: torch.Tensor

    def __init__(self, agreement: Agreement, module: nn.Module, scaling: Scaling) -> None:
        """Put `module`, from standardised features to raw outputs, between the agreement's units."""
        super().__init__()
        scale = 1 / scaling.deviation
        self.register_buffer("scale", torch.tensor(scale))
        self.register_buffer("offset", torch.tensor(-scaling.mean * scale))
        self.module = module
        self.task = agreement.data.task
        low, high = agreement.data.label_bounds if self.task == "regression" else (0.0, 0.0)
        self.middle, self.reach = (low + high) / 2, (high - low) / 2

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (rows, outputs) for (rows, features)."""
        raw: torch.Tensor = self.module(features * self.scale + self.offset)
        if self.task == "regression":
            return raw * self.reach + self.middle
        return torch.softmax(raw, 1) if self.task == "multiclass" else torch.sigmoid(raw)

    def outputs(self, features: FloatArray) -> FloatArray:
        """Return (rows, outputs) for (rows, features), in numpy and without gradients."""
        rows = torch.tensor(features)
        with torch.no_grad():
            parts = [self(rows[start : start + ROWS_AT_ONCE]).numpy() for start in range(0, len(rows), ROWS_AT_ONCE)]
        return np.concatenate(parts)
