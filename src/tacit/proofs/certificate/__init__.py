"""A proof as a file: the statement's public parts and the proof, and its verification by whoever is given it."""

from tacit.proofs.certificate.certificate import Certificate

__all__ = ["Certificate"]
