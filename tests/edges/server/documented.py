"""Whether an answer of the management API is what its document tells: no member more, none less, no other status."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from connector.server import answers, management
from connector.server.operations import Operation

OPERATIONS = {f"{one.method} {one.path}": one for one in management.operations()}


def check(method: str, path: str, status: int, said: Any) -> list[BaseModel]:
    """The values of an answer as the models that they are."""
    one = _operation(method, path)
    assert status in {200, *one.problems()}, (method, path, status, said)
    return [_fitting(value, models) for value, models in _values(one, status, said)]


def _operation(method: str, path: str) -> Operation:
    """The operation of this address, or of this template of one."""
    bare = path.partition("?")[0]
    return next(
        one
        for one in OPERATIONS.values()
        if one.method == method and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(one.path)), bare)
    )


def _values(one: Operation, status: int, said: Any) -> Iterator[tuple[Any, tuple[type[BaseModel], ...]]]:
    if status != 200:
        yield said, (answers.Problem,)
    elif not isinstance(said, list):
        yield said, one.answer
    else:
        *lines, last = said
        yield from ((line, one.lines) for line in lines)
        if "problem" in last:
            yield last["problem"], (answers.Problem,)
        elif last["result"]:
            yield last["result"], one.answer


def _fitting(value: Any, models: tuple[type[BaseModel], ...]) -> BaseModel:
    """The value as the model that has no member less and none more."""
    problems: list[Exception] = []
    for model in models:
        try:
            return model.model_validate(value, extra=model.model_config.get("extra", "forbid"), strict=True)
        except ValueError as problem:
            problems.append(problem)
    raise AssertionError(problems)
