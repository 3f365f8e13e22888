"""Mapping plans: from export bytes to documents of the vocabulary, with findings and lineage for each value.

Leaves to others: finding and reading files (`peers/files.py`), resolving links and signing (`exchange/publish.py`),
shapes of the documents (`vocabulary/`).
"""
