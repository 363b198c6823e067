"""Sumcheck [Lund, Fortnow, Karloff, Nisan 1992]: from a sum over a hypercube to one value of the summand.

`prover` and `verifier` are apart; what both of them say is in the verifier's docstrings.
"""
