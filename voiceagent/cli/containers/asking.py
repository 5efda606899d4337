"""What a running agent says of itself, as `container-health` in its container tells it."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What `/ready` says."""

    ready: bool
    engines: dict[str, bool]
    troubles: dict[str, str]

    @property
    def missing(self) -> list[str]:
        """The engines that are not ready."""
        return [name for name, is_ready in self.engines.items() if not is_ready]


def parse(said: str) -> Answer | None:
    """Read "200 {...}", the status and what /ready answers; None for anything else, such as no answer."""
    try:
        body: Any = json.loads(said.partition(" ")[2])
        return Answer(bool(body["ready"]), dict(body["engines"]), dict(body.get("troubles", {})))
    except (ValueError, KeyError, TypeError):
        return None
