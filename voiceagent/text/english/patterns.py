"""What the rules of reading are made of: patterns of numbers and ranges, each linear in its text."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Match = re.Match[str]
Rule = tuple[str, str | Callable[[Match], str]]
"""A pattern, and what is said for a match of it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of one kind, in their order, and what says at little cost that none of them matches."""

    rules: tuple[Rule, ...]
    needs: tuple[str, ...] | str = ()
    """Strings of which a text must hold one, in its own letters or in small ones; or a pattern. Empty: always tried."""


def any_of(choices: Iterable[str]) -> str:
    """Return a pattern of the choices, the longest first."""
    return "|".join(re.escape(choice) for choice in sorted(choices, key=len, reverse=True))


NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])|[0-9]++)(?:\.[0-9]++)?+"
ALONE = r"(?<![\w.,/])"
"""Before a number that is not the end of something longer."""
WHOLE = r"(?![0-9]|[.,:][0-9]|%)"
"""After one that does not go on."""
RANGE = r"\s?[-–~]\s?"
