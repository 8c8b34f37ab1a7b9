"""The API's document, and what holds answers to it."""

from __future__ import annotations

from typing import Any

from towpath.server import Access, create_server

DOCUMENT = create_server(None, Access()).litestar.openapi_schema.to_schema()


def check(value: Any, schema: dict[str, Any]) -> None:
    """Hold a JSON value to the part of JSON Schema that our document uses."""
    if "$ref" in schema:
        check(value, DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    elif "oneOf" in schema:
        assert any(fits(value, one) for one in schema["oneOf"]), (value, schema)
    elif "enum" in schema:
        assert value in schema["enum"]
    else:
        wanted = schema.get("type")
        kinds = [wanted] if isinstance(wanted, str) else wanted or []
        assert not kinds or any(isinstance(value, KINDS[kind]) for kind in kinds), (value, schema)
        if isinstance(value, list):
            for item in value:
                check(item, schema.get("items", {}))
        elif isinstance(value, dict) and "properties" in schema:
            assert set(schema.get("required", [])) <= set(value)
            assert set(value) <= set(schema["properties"])
            for key, inner in value.items():
                check(inner, schema["properties"][key])


def fits(value: Any, schema: dict[str, Any]) -> bool:
    try:
        check(value, schema)
    except AssertionError:
        return False
    return True


KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
