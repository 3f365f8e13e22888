"""Bridges to other data models: our documents in their words and back, with a list of all that is lost."""
