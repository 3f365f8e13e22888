"""The management API's document for people: one page without scripts, made of the document alone."""

from __future__ import annotations

import json
from typing import Final

from connector.model import Json, JsonObject, object_in
from connector.server.markup import style, template

PATH: Final = "/v1/openapi.html"
STYLE: Final = "operator"


def page(document: JsonObject) -> str:
    """The whole page."""
    operations = [
        (address, method, one)
        for address, some in object_in(document["paths"]).items()
        for method, one in object_in(some).items()
    ]
    told = {"document": document, "operations": operations, "indented": _indented}
    return template("openapi.html").render(style=style(STYLE), **told)


def _indented(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
