"""Optimality of a convex model on a committed set: docs/protocols/optimality.md has the theorem."""

from tacit.proofs.statements.optimality.objective import LOSSES, Objective
from tacit.proofs.statements.optimality.statement import Optimality

__all__ = ["LOSSES", "Objective", "Optimality"]
