"""Federated learning: secure aggregation, differential privacy, local training."""
