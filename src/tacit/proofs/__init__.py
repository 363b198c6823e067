"""Proofs: statements about a committed model, in zero knowledge, without a trusted set-up.

docs/protocols/proofs.md tells the protocol and what it rests on. Modules named `verifier`, and all that they import,
load neither a prover nor a compiler.
"""
