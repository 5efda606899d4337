"""What the rules of reading are made of, in every language."""

import re
from collections.abc import Callable, Iterable

Match = re.Match[str]
Rule = tuple[str, str | Callable[[Match], str]]
"""A pattern, and what is said for a match of it."""

ALONE = r"(?<![\w.,/])"
"""Before a number that is not the end of something longer."""


def any_of(choices: Iterable[str]) -> str:
    """Return a pattern of the choices, the longest first."""
    return "|".join(re.escape(choice) for choice in sorted(choices, key=len, reverse=True))
