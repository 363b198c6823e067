"""Ligero-type commitments to vectors whose multilinear extension is opened at one point, and their columns."""
