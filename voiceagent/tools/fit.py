"""Arguments that a model wrote as text, read as what the tool's schema asks for. Pure.

XML calls have text only, and small models put numbers in quotes. The tool decides whether the result is valid.
"""

import json
from typing import Any

_WORDS = {"true": True, "false": False, "none": None, "null": None}


def fitted(arguments: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return `arguments` with the text read as JSON wherever the JSON Schema of the object wants no text."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return arguments
    return {
        key: _read(value) if isinstance(value, str) and _wants_no_text(properties.get(key)) else value
        for key, value in arguments.items()
    }


def _wants_no_text(schema: object) -> bool:
    kinds = _kinds(schema)
    return bool(kinds) and "string" not in kinds


def _kinds(schema: object) -> set[str]:
    """Return the JSON types that a schema allows; none where it does not say."""
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        return {"object"}  # what pydantic and its like refer to are models, and enumerations, which JSON need not be
    kinds = schema.get("type")
    found = {kind for kind in _listed(kinds) if isinstance(kind, str)} | ({kinds} if isinstance(kinds, str) else set())
    for choice in (*_listed(schema.get("anyOf")), *_listed(schema.get("oneOf"))):
        found |= _kinds(choice)
    return found


def _listed(value: object) -> list[Any]:
    """Return a list as it is; a schema that comes from elsewhere may have anything in its place."""
    return value if isinstance(value, list) else []


def _read(text: str) -> Any:
    if (word := text.strip().lower()) in _WORDS:
        return _WORDS[word]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
