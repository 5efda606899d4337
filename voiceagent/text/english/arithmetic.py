"""Signs: comparisons, powers, roots, sums, Greek letters that stand alone, and "&", "%" and "§"."""

from voiceagent.text.english.patterns import Match, Rules, any_of
from voiceagent.text.english.units import SIGNS

_LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi "
    "psi omega"
)
_GREEK = dict(zip(_LETTERS, _NAMES.split(), strict=True))
_BIG = {"∑": "the sum", "∏": "the product", "∫": "the integral"}


def _greek(match: Match) -> str:
    """ "β-carotene" -> "beta-carotene", "2π" -> "two pi"."""
    letter = match[0]
    name = _GREEK[letter.lower()]
    before, after = match.string[max(0, match.start() - 1) : match.start()], match.string[match.end() : match.end() + 1]
    said = name.capitalize() if letter.isupper() else name
    return (" " if before.isalnum() else "") + said + (" " if after.isalnum() else "")


def _from_to(match: Match) -> str:
    """ "∑_(i = 1 → n) i" -> "the sum from i = 1 to n of i"."""
    return f"{_BIG[match[1]]} from {match[2]} of "


def _function(match: Match) -> str:
    """ "sin x" -> "sine x"."""
    return {"sin": "sine", "cos": "cosine", "tan": "tangent"}[match[1]]


def _sign(match: Match) -> str:
    """ "≤" -> "at most"."""
    return f" {SIGNS[match[0]]} "


# Before what they compare is in words.
COMPARISONS = Rules(
    (
        (r"\s<\s|(?<=\w)<(?=[0-9$€£])", " less than "),
        (r"\s>\s|(?<=\w)>(?=[0-9$€£])", " greater than "),
        (r"(?<=[0-9%])~(?=[0-9$€£])", " to "),
        (r"~\s?(?=[0-9$€£])", "about "),
        (r"\s?−\s?", " minus "),
    ),
    needs=("<", ">", "~", "−"),
)
RULES = Rules(
    (
        (rf"([{''.join(_BIG)}])_\(([^()]{{1,80}})\)", _from_to),
        (rf"(?<![\u0370-\u03ff\u1f00-\u1fff])[{_LETTERS}{_LETTERS.upper()}](?![\u0370-\u03ff\u1f00-\u1fff])", _greek),
        (r"\^2\b", " squared"),
        (r"\^3\b", " cubed"),
        (r"\blim (?=\w+ →)", "the limit as "),
        (r"\^\s?(?=[\w(-])", " to the power of "),
        (r"\b(sin|cos|tan)(?= ?\(| (?:[xyzt]|theta|phi|alpha|beta|omega|pi)\b)", _function),
        (any_of(SIGNS), _sign),
        (r"\+", " plus "),
    ),
)
