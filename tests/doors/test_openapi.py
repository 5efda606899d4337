"""The document that the server publishes says what it answers: every path, every status, and the form of each."""

import asyncio
import json
from random import Random

import pytest
from loopback import open_server
from starlette.routing import Route

from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.doors.app import create_app
from voiceagent.doors.openapi import PATH, document, path_of

ALL = "doors=[page,rtvi,realtime,openai,telephony]"
TEXTS = ["", "x", "offer", "v=0\r\n", "user", "\u202e\U0001f600", "0" * 300, "{}", "true"]
WORDS = [*TEXTS, None, 0, -1, 1e308, [], {}, True]
NAMES = ["x", "%00", "..%2f..", "a" * 300, "%F0%9F%98%80"]
BY_GATE = {"401", "403", "429"}
"""Answered before any path is looked at (docs/security.md)."""


def served(*sets):
    settings = load_settings("scripted.yaml", sets).settings
    return create_app(Agent(settings), settings).routes


def resolved(value, whole):
    """Return a part of the document with its references followed."""
    while isinstance(value, dict) and "$ref" in value:
        target = whole
        for name in value["$ref"].removeprefix("#/").split("/"):
            target = target[name.replace("~1", "/")]
        value = target
    return value


def operations(whole):
    for path, item in whole["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "patch"):
                yield path, method, operation  # never a reference: OpenAPI has none to operations


def test_every_path_and_method_is_in_the_document_and_nothing_else():
    routes = [route for route in served(ALL) if isinstance(route, Route)]
    there = {(path_of(route), method.lower()) for route in routes for method in route.methods - {"HEAD"}}
    assert {(path, method) for path, method, _ in operations(document(routes))} == there


def test_a_path_that_the_configuration_has_not_is_not_in_it():
    paths = document(served("doors=[page]", "server.metrics=false"))["paths"]
    assert "/page/offer" in paths
    assert not {"/metrics", "/api/offer", "/v1/chat/completions"} & set(paths)


def test_the_document_is_one_that_programs_can_read():
    whole = document(served(ALL))
    assert whole["openapi"] == "3.1.0"
    names = [operation["operationId"] for _, _, operation in operations(whole)]
    assert len(names) == len(set(names))

    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                assert resolved(value, whole)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(json.loads(json.dumps(whole)))
    for path, _, operation in operations(whole):
        assert operation["summary"], path
        assert operation["responses"], path


def fits(value, schema, whole):
    """Return whether a value is as a schema says, as far as the document's schemas say anything."""
    schema = resolved(schema, whole)
    if "const" in schema:
        return value == schema["const"]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    known = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "number": int | float}
    if kinds and not any(isinstance(value, known[kind]) for kind in kinds):
        return False
    if isinstance(value, dict):
        inside = schema.get("properties", {})
        return set(schema.get("required", [])) <= set(value) and all(
            fits(value[key], inner, whole) for key, inner in inside.items() if key in value
        )
    return True


def anything(schema, whole, chance, depth=0):
    """Return a value for a schema: as it says, or not."""
    schema = resolved(schema, whole)
    if depth > 4 or chance.random() < 0.25:
        return chance.choice(WORDS)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return chance.choice(schema["enum"])
    kinds = schema.get("type", "string")
    match kinds if isinstance(kinds, str) else chance.choice(kinds):
        case "object":
            inside = schema.get("properties", {"a": {}, "type": {}})
            return {
                key: anything(inner, whole, chance, depth + 1) for key, inner in inside.items() if chance.random() < 0.8
            }
        case "array":
            return [anything(schema.get("items", {}), whole, chance, depth + 1) for _ in range(chance.randrange(4))]
        case "integer" | "number":
            return chance.choice([schema.get("minimum", 0), 1, 10**12, 0.5])
        case "boolean":
            return chance.choice([True, False])
        case "null":
            return None
        case _:
            return chance.choice(["hello", *TEXTS])


@pytest.mark.exhaustive(quick=6, full=100)
def test_whatever_is_asked_each_path_answers_with_a_status_and_a_form_that_the_document_names(size):
    chance = Random(1)
    silent = ("/page/watch",)  # says what happens for as long as somebody listens

    async def main():
        async with open_server(ALL, "server.request_rate=0") as house:
            whole = (await house.http.get(PATH)).json()
            for path, method, operation in operations(whole):
                for number in range(size if path not in silent else 0):
                    request = {"content": b""}
                    place = path
                    for name in ("session", "call_id", "name"):
                        place = place.replace(f"{{{name}}}", chance.choice(NAMES))
                    if content := operation.get("requestBody", {}).get("content"):
                        kind = chance.choice(list(content))
                        value = anything(content[kind]["schema"], whole, chance)
                        text = value if isinstance(value, str) else json.dumps(value)
                        request = {"content": text.encode("utf-8", "replace"), "headers": {"content-type": kind}}
                    answer = await house.http.request(method, place, **request)
                    status = str(answer.status_code)
                    asked = (path, method, number, request["content"][:200])
                    if status == "404" and "{" in path and b'"http"' in answer.content:
                        continue  # what stands for a parameter has made another path of it
                    assert status in operation["responses"] or status in BY_GATE, (asked, status, answer.text[:300])
                    said = resolved(operation["responses"].get(status, {}), whole).get("content", {})
                    form = answer.headers.get("content-type", "").partition(";")[0]
                    assert not said or form in said, (asked, status, form)
                    if form == "application/json" and form in said:
                        assert fits(answer.json(), said[form]["schema"], whole), (asked, answer.text[:300])

    asyncio.run(main())
