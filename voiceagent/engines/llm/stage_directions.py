"""Stage directions in a reply: `*smiles*`, `[laughs]`, `(clears throat)`. Pure.

Told from emphasis (`*really*`), citations (`[1]`) and asides (`(about five)`) by their first words: lists of what
people do while they speak, not every bracket.
"""

import re

LONGEST = 80
_CLOSERS = {"**": "**", "*": "*", "_": "_", "(": ")", "[": "]"}
_STEMS = (
    "laugh smile chuckle giggle grin sigh nod wink shrug gasp cough sneeze sniff sniffle sob groan moan whisper mutter "
    "mumble murmur pause blink blush bow smirk snicker snort yawn frown wince gulp hum cackle exhale inhale facepalm"
)
_DOUBLED = ("grin", "nod", "shrug", "sob", "hum")
_OBJECTS = {
    "clears": "throat",
    "clearing": "throat",
    "rolls": "eyes",
    "shakes": "head",
    "tilts": "head",
    "scratches": "head|chin",
    "raises": "eyebrow|eyebrows|brow|hand",
    "takes": "breath",
    "waves": "hand|hello|goodbye|back|at",
    "leans": "in|back|forward|closer",
    "looks": "away|down|up|around|at",
    "thinks": "moment|second",
}
_SOUNDS = "pause sigh gasp chuckle giggle wink ahem cough shrug nod"
_SOUNDS_IN_BRACKETS = "laugh smile laughter music applause silence beat grin breath"
_LEADS = (
    "i he she they it the a an assistant ai agent softly gently warmly quietly nervously slightly lightly briefly "
    "thoughtfully happily sadly cheerfully playfully awkwardly slowly loudly long short brief soft nervous slight "
    "small deep awkward warm light quiet dramatic gentle little"
)


def _doing(stem: str) -> str:
    return (stem + stem[-1] if stem in _DOUBLED else stem.removesuffix("e")) + "ing"


_DOES = [stem + "s" for stem in _STEMS.split()]
_DOING = [_doing(stem) for stem in _STEMS.split()]
_FIRST = {*_DOES, *_DOING, *_OBJECTS, *f"{_LEADS} {_SOUNDS} {_SOUNDS_IN_BRACKETS}".split()}
_TAIL = r",?(?! (?:is|are|was|were|of|for|gas)\b)(?: [\w'’-]+,?){0,%d}"


def _pattern(words: list[str], tail: str) -> str:
    return f"(?:{'|'.join(words)}){tail}"


def _direction(words: int, *, bracket: bool, doing: str) -> re.Pattern[str]:
    kinds = [
        _pattern(_DOES, _TAIL % words),
        _pattern(_DOING, doing),
        *(rf"{verb}(?: [\w'’-]+){{0,2}} (?:{objects})(?: [\w'’-]+){{0,{words}}}" for verb, objects in _OBJECTS.items()),
        _pattern(f"{_SOUNDS} {_SOUNDS_IN_BRACKETS if bracket else ''}".split(), ""),
    ]
    return re.compile(rf"(?:(?:{'|'.join(_LEADS.split())}) ){{0,3}}(?:{'|'.join(kinds)})[.!…]*")


_EMPHASISED = _direction(8, bracket=False, doing=_TAIL % 8)
_SQUARE = _direction(8, bracket=True, doing=_TAIL % 8)
# "(coughing, sneezing)" may be what a doctor says.
_ROUND = _direction(4, bracket=True, doing=r"(?: \w+ly)?(?<!coughing)(?<!sneezing)(?<!sniffling)(?<!yawning)")


def direction_at(text: str, start: int, *, final: bool) -> int | None:
    """Return the length of the stage direction at an opening sign, 0 for none, None if more text decides.

    `final` means that no more text will come.
    """
    opener = "**" if text.startswith("**", start) else text[start]
    if opener == "*" and len(text) == start + 1 and not final:
        return None
    inner_at = start + len(opener)
    end = text.find(_CLOSERS[opener], inner_at, start + LONGEST)
    inner = text[inner_at : end if end >= 0 else start + LONGEST]
    if "\n" in inner or inner[:1].isspace():
        return 0
    if end >= 0:
        pattern = {"(": _ROUND, "[": _SQUARE}.get(opener, _EMPHASISED)
        return end + len(_CLOSERS[opener]) - start if pattern.fullmatch(inner.casefold()) else 0
    return None if not final and len(text) < start + LONGEST and _may_become(inner.casefold()) else 0


def _may_become(inner: str) -> bool:
    words = inner.split(" ")
    while len(words) > 1 and words[0] in _LEADS.split():
        words.pop(0)
    first = words[0].rstrip(",.!…*")
    return first in _FIRST or (len(words) == 1 and any(known.startswith(first) for known in _FIRST))
