"""A language, as far as text is concerned."""

import re
from collections.abc import Callable
from dataclasses import dataclass

NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Language:
    """What is known of a language: how its texts are read aloud and cut, and which of its words mean "go on"."""

    code: str
    """ISO 639-1: "de"."""
    name: str
    """In English, for messages: "German"."""
    read: Callable[[str], str]
    """Write out what is no word: numbers, dates, times, sums, units, abbreviations, signs, addresses."""
    leading: frozenset[str]
    """Abbreviations, without their last full stop, after which a sentence never ends ("Dr", "z.B")."""
    trailing: frozenset[str]
    """Those that may end one ("usw", "etc"). One that is `leading`, too, may do so after a name ("Elm Dr.")."""
    starters: frozenset[str]
    """Lower-case words that begin a sentence far more often than they follow an abbreviation."""
    conjunctions: tuple[str, ...]
    """Words before which a long sentence may be cut in the first segment ("und", "aber")."""
    backchannels: re.Pattern[str]
    """What `normalise`d text matches as a whole when it only signals "go on"."""
    hanging: frozenset[str]
    """Words on which no sentence ends, whatever the recogniser's mark."""
    hanging_in_statement: frozenset[str]
    """Nor on these, unless it is a question."""
    digits: frozenset[str] = frozenset()
    """Words that are said one by one in a number that is dictated ("zero", "double")."""
    dictated: re.Pattern[str] = NEVER
    """What is found in `normalise`d text that asks for something that is dictated piece by piece: a number, a name."""
    fillers: re.Pattern[str] = NEVER
    """What `normalise`d text ends in when its speaker is still thinking ("um", "let me see")."""
    tics: re.Pattern[str] = NEVER
    """What `normalise`d text matches as a whole when it only slipped out: hesitation, coughs, laughs, cries."""
    interrupting: frozenset[str] = frozenset()
    """Words by which somebody interrupts who says no other ("wait"); empty: any word."""
    asks_again: re.Pattern[str] = NEVER
    """What is found in `normalise`d text that asks to hear something once more."""
    dotted_ordinals: bool = False
    """Whether a full stop after a number does not end the sentence ("3. Mai")."""
