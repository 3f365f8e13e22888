"""The management API's document (OpenAPI 3.1), made of its operations, of what they may be asked and how they answer.

What a member means is what stands below it in `requests` and `answers`. The examples (`examples.json`) are taken from a
run of two real connectors, by `tests/edges/server/recording.py`.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib import resources
from itertools import pairwise
from types import ModuleType
from typing import Final

import orjson
from pydantic import BaseModel

from connector import __version__
from connector.model import Json, JsonObject, object_in
from connector.server import answers, answers_data, answers_peers, asked, requests
from connector.server.lines import NDJSON
from connector.server.operations import Operation

PATH: Final = "/v1/openapi.json"
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_TOKEN: Final = "managementToken"  # noqa: S105 - the scheme's name, not a secret
_SCHEMAS: Final = "#/components/schemas/"
_ABOUT: Final = """\
What a company's own software asks its connector: publish, negotiate, fetch, look, audit. It listens on this machine
alone. Every request but those for health and for this document shows the token that `init` wrote into `secrets.env`.

What is wrong is told as problem details (RFC 9457): what, where, and what to do. `503` means "could not be checked" or
"not now": the same request is welcome later. A command that takes an `Idempotency-Key` may be repeated with the same
key and body, after a lost answer or a crash of either side: it finds what it did before and goes on from there.

Long work answers when it is done, or, to who accepts `application/x-ndjson`, line by line while it goes on. Such an
answer has begun with 200, so its last line says how it ended: `{"result": ...}` or `{"problem": ...}`.

Members may be added to answers; none is renamed or taken away under `/v1`.
"""
_IDS: Final = "An id of ours or, for processes, of the peer. A colon may stand as it is."
_KEY: Final = "Makes the command repeatable: the same key, the same work."
_FIELD = re.compile(r"\{(\w+)\}")


def document(operations: Sequence[Operation], port: int) -> JsonObject:
    """The whole document, for a connector whose management API listens on this port."""
    known = orjson.loads(resources.files("connector.server").joinpath("examples.json").read_bytes())
    paths: dict[str, Json] = {}
    for one in operations:
        object_in(paths.setdefault(one.path, {}))[one.method.lower()] = _operation(one, known)
    statuses = sorted({status for one in operations for status in one.problems()})
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Battery connector: management API", "version": __version__, "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {"url": "http://127.0.0.1:{port}", "variables": {"port": {
                "default": str(port), "description": "`[listen] management_port` of the configuration"}}}
        ],
        "security": [{_TOKEN: []}],
        "tags": [{"name": topic} for topic in dict.fromkeys(one.topic for one in operations)],
        "paths": paths,
        "components": {
            "securitySchemes": {_TOKEN: {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(operations),
            "responses": {f"Problem{status}": _problem(status, known) for status in statuses},
        },
    }  # fmt: skip


# --- operations ------------------------------------------------------------------------------------------------------


def _operation(one: Operation, known: JsonObject) -> JsonObject:
    example = object_in(known.get(f"{one.method} {one.path}"))
    told: JsonObject = {
        "operationId": _id(one), "summary": one.says, "tags": [one.topic],
        "responses": {
            "200": _answer(one, example),
            **{str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in one.problems()},
        },
    }  # fmt: skip
    if one.open:
        told["security"] = []
    if parameters := _parameters(one):
        told["parameters"] = parameters
    if one.has_body and one.asked is not None:
        needed = any(field.is_required() for field in one.asked.model_fields.values())
        content: JsonObject = {"schema": {"$ref": _SCHEMAS + one.asked.__name__}, "example": example.get("body", {})}
        told["requestBody"] = {"required": needed, "content": {_JSON: content}}
    return told


def _id(one: Operation) -> str:
    words = [word for word in re.split(r"[^a-z]+", one.path.removeprefix("/v1")) if word and word != "id"]
    by = "ById" if one.path.endswith("{id}") else ""
    return one.method.lower() + "".join(word.title() for word in words) + by


def _answer(one: Operation, example: JsonObject) -> JsonObject:
    names = [answer.__name__ for answer in one.answer]
    content: JsonObject = {_JSON: {"schema": _either(names), "example": example.get("answer")}}
    if one.lines:
        kinds: list[Json] = [{"$ref": _SCHEMAS + kind.__name__} for kind in one.lines]
        result: JsonObject = {"const": {}} if one.method == "GET" else _either(names)
        ends: dict[str, JsonObject] = {"result": result, "problem": {"$ref": f"{_SCHEMAS}Problem"}}
        for name, said in ends.items():
            kinds.append({"type": "object", "required": [name], "properties": {name: said}})
        content[NDJSON] = {"schema": {"oneOf": kinds, "description": "A line of the answer."}}
    return {"description": " Or: ".join(_first(answer) for answer in one.answer), "content": content}


def _either(names: Sequence[str]) -> JsonObject:
    refs: list[Json] = [{"$ref": _SCHEMAS + name} for name in names]
    return {"$ref": _SCHEMAS + names[0]} if len(refs) == 1 else {"anyOf": refs}


def _first(model: type[BaseModel]) -> str:
    return inspect.getdoc(model) or ""


def _problem(status: int, known: JsonObject) -> JsonObject:
    example = object_in(known.get("problems")).get(str(status))
    content: JsonObject = {"schema": {"$ref": f"{_SCHEMAS}Problem"}, "example": example}
    told: JsonObject = {"description": HTTPStatus(status).phrase, "content": {_PROBLEM: content}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        seconds: JsonObject = {"description": "Seconds until it is worth another try.", "schema": {"type": "integer"}}
        told["headers"] = {"Retry-After": seconds}
    return told


def _parameters(one: Operation) -> list[Json]:
    word: JsonObject = {"type": "string", "minLength": 1}
    listed: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": word, "description": _IDS}
        for name in _FIELD.findall(one.path)
    ]
    if one.has_query and one.asked is not None:
        schema = _schema(one.asked, _said_in(requests))
        for name, said in object_in(schema["properties"]).items():
            shape = object_in(said)
            needed = name in schema.get("required", ())  # type: ignore[operator]  # a list of names, by JSON Schema
            about = shape.pop("description", "")
            listed.append({"name": name, "in": "query", "required": needed, "schema": shape, "description": about})
    if one.repeatable:
        listed.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}, "description": _KEY})
    return listed


# --- schemas ---------------------------------------------------------------------------------------------------------


def _schemas(operations: Iterable[Operation]) -> JsonObject:
    """Every body and answer, and what they are made of."""
    told = _said_in(asked, requests, answers, answers_peers, answers_data)
    models: list[type[BaseModel]] = [answers.Problem]
    for one in operations:
        models += [*one.answer, *one.lines]
        models += [one.asked] if one.has_body and one.asked is not None else []
    schemas: dict[str, Json] = {}
    for model in dict.fromkeys(models):
        schema = _schema(model, told)
        made = {**object_in(schema.pop("$defs", {})), model.__name__: schema}
        assert all(schemas.get(name, part) == part for name, part in made.items()), "two models share a name"
        schemas |= made
    return dict(sorted(schemas.items()))


def _schema(model: type[BaseModel], told: dict[str, dict[str, str]]) -> JsonObject:
    schema = model.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    for part in (schema, *schema.get("$defs", {}).values()):
        _explain(part, told.get(part.pop("title", ""), {}))
    return schema


def _explain(schema: JsonObject, said: dict[str, str]) -> None:
    """Say what each member means, and drop what pydantic adds for nobody."""
    for name, member in object_in(schema.get("properties")).items():
        shape = object_in(member)
        shape.pop("title", None)
        if name in said:
            shape["description"] = said[name]


def _said_in(*modules: ModuleType) -> dict[str, dict[str, str]]:
    """Class -> member, as it is called in JSON -> the sentence below it."""
    found: dict[str, dict[str, str]] = {}
    for module in modules:
        for node in ast.parse(inspect.getsource(module)).body:
            model = getattr(module, node.name, None) if isinstance(node, ast.ClassDef) else None
            if not isinstance(node, ast.ClassDef) or not (isinstance(model, type) and issubclass(model, BaseModel)):
                continue
            said: dict[str, str] = {}
            for base in node.bases:
                said |= found.get(base.id, {}) if isinstance(base, ast.Name) else {}
            for field, below in pairwise(node.body):
                match field, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                        said[model.model_fields[name].alias or name] = " ".join(words.split())
            found[node.name] = said
    return found
