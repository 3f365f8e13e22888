"""The one signal inside the engine that a cell does not fit: caught per row, told with its place by `blame.py`."""

from __future__ import annotations


class Unfit(Exception):
    """A value does not fit what the plan says about it."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(message)
