"""CORS: what browsers are told of the pages that may call."""

from collections.abc import Collection

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware


def cors(origins: Collection[str]) -> list[Middleware]:
    """Tell browsers that pages of these origins may call, with what headers they like, and read the refusals, too."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=["Location", "Retry-After"],
        )
    ]
