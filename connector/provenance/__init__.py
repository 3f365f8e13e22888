"""Provenance: what a chain of signed records proves. Events, mass balance, origin shares, the audit walk, evidence.

Values in, values out. Reading peers is `exchange/audit.py`'s, checking signatures `credentials`', showing `server`'s.
"""
