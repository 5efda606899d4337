"""What the rules of reading are made of: patterns of numbers and ranges, each linear in its text."""

from dataclasses import dataclass

from voiceagent.text.patterns import ALONE, Match, Rule, any_of

__all__ = ["ALONE", "NUMBER", "RANGE", "WHOLE", "Match", "Rule", "Rules", "any_of"]


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of one kind, in their order, and what says at little cost that none of them matches."""

    rules: tuple[Rule, ...]
    needs: tuple[str, ...] | str = ()
    """Strings of which a text must hold one, in its own letters or in small ones; or a pattern. Empty: always tried."""


NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])|[0-9]++)(?:\.[0-9]++)?+"
WHOLE = r"(?![0-9]|[.,:][0-9]|%)"
"""After one that does not go on."""
RANGE = r"\s?[-–~]\s?"
_VERBS = (
    "was|has|as|this|unless|plus|always|does|its|goes|opens|closes|leaves|departs|arrives|lands|boards|expires|works|starts"
    "|takes|needs|costs|means|looks|ships|belongs|stays|seems|says|shows|gets|gives|lets|ends|begins|runs|comes|remains"
)
_COUNTED = "people|men|women|children|staff|square|cubic|[kcm]?m|[km]?g|m?l|lb|oz|MB|GB"
COUNTED = rf"(?:(?!(?:{_VERBS})\b)[a-z]{{2,15}}s|{_COUNTED})\b"
"""What a number before it counts: then it is no name."""
