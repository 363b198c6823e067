"""Lookups by LogUp-GKR: that every row of some columns is a row of a public table [Papini, Haböck 2023]."""
