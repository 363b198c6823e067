"""Data: tables in, each cell checked against the schema that the parties agreed on."""

from tacit.data.schema import Column, Schema
from tacit.data.tables import Table, load
from tacit.data.template import infer, to_toml

__all__ = ["Column", "Schema", "Table", "infer", "load", "to_toml"]
