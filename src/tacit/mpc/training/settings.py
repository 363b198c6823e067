"""What is trained, and how: public, and the same at all parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "logistic", "mlp"]
Loss = Literal["squared", "binary", "classes"]

MAX_FRACTION_BITS = 20
STEP_BITS = 20  # fractional bits of learning rate, momentum and l2


@dataclass(frozen=True)
class Settings:
    """Stochastic gradient descent on a dense network, as torch.optim.SGD takes its steps.

    Attributes:
        loss: "squared" error, "binary" cross-entropy of one output, or cross-entropy over "classes".
        outputs: 1, or the number of classes.
        hidden: widths of the ReLU layers; none for linear, ridge and logistic regression.
        epochs: passes over the rows.
        batch_rows: rows of a minibatch; the last of an epoch may be smaller.
        learning_rate, momentum, l2: of the steps; l2 does not touch biases.
        fraction_bits: of data, weights and activations, 8 to 20.
        seed: of the initial weights and the order of the rows, which are public.
    """

    loss: Loss
    outputs: int = 1
    hidden: tuple[int, ...] = ()
    epochs: int = 10
    batch_rows: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.0
    l2: float = 0.0
    fraction_bits: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError that names the setting."""
        self._require(8 <= self.fraction_bits <= MAX_FRACTION_BITS, "fraction_bits must be 8 to 20")
        self._require(self.epochs >= 1, "epochs must be 1 or more")
        self._require(self.batch_rows >= 1, "batch_rows must be 1 or more")
        self._require(0.0 < self.learning_rate <= 8.0, "learning_rate must be above 0 and at most 8")
        self._require(0.0 <= self.momentum < 1.0, "momentum must be 0 or more, and below 1")
        self._require(0.0 <= self.l2 <= 8.0, "l2 must be 0 to 8")
        self._require(all(width >= 1 for width in self.hidden), "hidden widths must be 1 or more")
        self._require(
            self.outputs >= 2 if self.loss == "classes" else self.outputs == 1,
            "outputs must be 1, or for the loss over classes their number, 2 or more",
        )

    def widths(self, features: int) -> tuple[int, ...]:
        """The widths of all layers, from the features to the outputs."""
        return (features, *self.hidden, self.outputs)

    @staticmethod
    def _require(holds: bool, message: str) -> None:
        if not holds:
            raise ValueError(f"settings: {message}")
