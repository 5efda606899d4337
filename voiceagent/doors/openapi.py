"""The OpenAPI document of what the server's HTTP answers: of the paths that this configuration has."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from voiceagent import __version__

PATH = "/openapi.json"


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Return the document for an application's routes. What is no HTTP of its own (files, WebSockets) is not in it."""
    served = {PATH, *(path_of(route) for route in routes if isinstance(route, Route))}
    written = _written()
    return {
        **written,
        "info": {**written["info"], "version": __version__},
        "paths": {path: item for path, item in written["paths"].items() if path in served},
    }


def publishing(routes: Iterable[BaseRoute]) -> Route:
    """Return the route at which the document of `routes` is read."""
    routes = list(routes)

    async def publish(request: Request) -> Response:
        return JSONResponse(document(routes))

    return Route(PATH, publish)


def path_of(route: Route) -> str:
    """Return a route's path as OpenAPI writes it: without the kinds of its parameters."""
    return route.path_format


@cache
def _written() -> dict[str, Any]:
    text = (files("voiceagent.doors") / "openapi.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
