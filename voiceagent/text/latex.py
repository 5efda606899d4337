"""LaTeX to signs: "$n^2 \\leq \\frac{1}{2}$" -> "n^2 ≤ 1/2", which each language then reads in its own words.

Inline and displayed formulas are read whole; outside of them, commands that LaTeX knows ("\\times", "\\frac{1}{2}").
"$5 and $10" is money: dollar signs enclose a formula only if what is between them looks like one. Subscripts are said
after their letter ("x_1" -> "x 1"). It does not know matrices nor the order of operations that only layout shows.
"""

import re

_FORMULA = re.compile(
    r"\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]|\$\$([^$]{1,400})\$\$"
    r"|(?<![\\\w$])\$(?=[^\s${])([^$\n]{1,200})(?<![\s\\])\$(?![\w$])",
    re.DOTALL,
)
_SIGN_OF_MATHS = re.compile(r"[\\^_]")
_OPERATOR = re.compile(r"[=+*/<>|-]")
_LONG_WORD = re.compile(r"[A-Za-z]{4}")
_SIMPLE = re.compile(r"[A-Za-z]{1,3}'?|[A-Za-z](?:,? [A-Za-z]){1,8}|-?[0-9.,]*[A-Za-z]?|[A-Za-z]{1,2}\([^()]{1,40}\)")

# "x^2y" is x squared times y.
_ONE_SIGN = re.compile(r"([\^_])\s?(\w)(?=[\w^])")
_LIMITS = re.compile(r"\\(sum|prod|int)(?:\\limits)?\s?_(?:\{([^{}]{1,80})\}|(\w))\s?\^(?:\{([^{}]{1,80})\}|(\\?\w+))")
_SCRIPT = re.compile(r"([\^_])\{([^{}]{0,200})\}")
_WRAPPED = re.compile(
    r"\\(?:text|math|operatorname|bold|over|under|hat|bar|vec|tilde|boxed)[a-z]*\*?\{([^{}]{0,200})\}"
)
_ROOT = re.compile(r"\\sqrt(?:\[([0-9n])\])?(?:\{([^{}]{0,200})\}|([0-9a-z]))")
_FRACTION = re.compile(r"\\[dtc]?frac\s?(?:\{([^{}]{0,200})\}|([0-9]))\s?(?:\{([^{}]{0,200})\}|([0-9]))")
_DEGREE = re.compile(r"\^(?:\\circ|\{\\circ\})")
_DROPPED = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits|nonumber)(?![A-Za-z])\.?|\\(?:begin|end)\{[a-z]{1,20}\*?\}"
)
_SPACE = re.compile(r"\\(?:[,;:! ]|q?quad(?![A-Za-z]))|~")
_ESCAPED = re.compile(r"\\([%$#&_])")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
# In prose, "C:\temp" holds none.
_COMMAND_IN_PROSE = re.compile(r"(?<![:\\A-Za-z_])\\([A-Za-z]+)")
_ROOTS = {"3": "∛", "4": "∜"}
_NESTING = 5

_LETTERS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
_GREEK = dict(zip(_LETTERS.split(), "αβγδεζηθικλμνξπρστφχψω", strict=True))
_COMMANDS = {
    **_GREEK,
    **{name.capitalize(): letter.upper() for name, letter in _GREEK.items()},
    **{f"var{name}": letter for name, letter in _GREEK.items()},
    **dict.fromkeys(("times", "cdot", "ast"), "×"),
    **dict.fromkeys(("leq", "le", "leqslant"), "≤"),
    **dict.fromkeys(("geq", "ge", "geqslant"), "≥"),
    **dict.fromkeys(("neq", "ne"), "≠"),
    **dict.fromkeys(("approx", "sim", "simeq"), "≈"),
    **dict.fromkeys(("to", "rightarrow", "longrightarrow", "mapsto"), "→"),
    **dict.fromkeys(("Rightarrow", "implies", "Longrightarrow"), "⇒"),
    **dict.fromkeys(("ldots", "dots", "cdots"), "…"),
    **dict.fromkeys(("subset", "subseteq"), "⊂"),
    **dict.fromkeys(("degree", "circ"), "°"),
    "div": "÷",
    "pm": "±",
    "infty": "∞",
    "sum": "∑",
    "prod": "∏",
    "int": "∫",
    "in": "∈",
    "cup": "∪",
    "cap": "∩",
    "partial": "∂",
    "nabla": "∇",
    "forall": "∀",
    "exists": "∃",
    "equiv": "≡",
    "propto": "∝",
    "angle": "∠",
    "lt": "<",
    "gt": ">",
    "mid": "|",
    "perp": "⊥",
    "parallel": "∥",
    "prime": "'",
    **{name: name for name in ("sin", "cos", "tan", "log", "ln", "lim", "max", "min", "exp", "det", "mod", "gcd")},
}


def plain_formulas(text: str) -> str:
    """Return the text with every formula, and every command of LaTeX's, in plain signs."""
    if "\\" not in text and "$" not in text:
        return text
    text = _FORMULA.sub(_formula, text)
    return _commands(text, known_only=True) if "\\" in text else text


def _formula(match: re.Match[str]) -> str:
    formula = next(group for group in match.groups() if group is not None)
    if not (_is_formula(formula) if match[4] else match[3] or not _is_prose(formula)):
        return match[0]
    text = re.sub(r"\\\\|\n\s*\n", ", ", _SPACE.sub(" ", formula))
    text = _commands(_ONE_SIGN.sub(r"\1{\2}", text.replace("&", " ")), known_only=False)
    text = re.sub(r"\^\s?[*'′]|_(?!\()", " ", text)
    text = re.sub(r"[{}\\]", "", text).replace("*", "×")
    text = re.sub(r"(?<=[0-9])(?=[A-Za-z])", " ", re.sub(r"(?<![0-9])/|/(?![0-9])", " ÷ ", text))
    text = re.sub("-", " − ", re.sub(r"([=<>+≤≥≠×])", r" \1 ", text))
    return " ".join(text.split())


def _is_formula(text: str) -> bool:
    if _SIGN_OF_MATHS.search(text) or _SIMPLE.fullmatch(text):
        return True
    return bool(_OPERATOR.search(text)) and not _LONG_WORD.search(text)


def _is_prose(text: str) -> bool:
    """Return whether brackets were only escaped: markdown's "\\[a well-known word\\]"."""
    return bool(_LONG_WORD.search(text)) and not re.search(r"[\\^_=+<>]", text)


def _commands(text: str, *, known_only: bool) -> str:
    """Return the text with commands as signs, from the innermost braces outwards."""
    text = _DROPPED.sub("", _DEGREE.sub("°", text))
    for _ in range(_NESTING):
        before = text
        text = _FRACTION.sub(_fraction, _ROOT.sub(_root, _WRAPPED.sub(r"\1", _LIMITS.sub(_limits, text))))
        text = _SCRIPT.sub(_script, text)
        if text == before:
            break

    def command(match: re.Match[str]) -> str:
        sign = _COMMANDS.get(match[1], match[0] if known_only else match[1])
        return sign if sign in ("°", "'") else f" {sign} " if sign != match[0] else sign

    return _ESCAPED.sub(r"\1", (_COMMAND_IN_PROSE if known_only else _COMMAND).sub(command, text))


def _script(match: re.Match[str]) -> str:
    sign, content = match[1], match[2].strip()
    if sign == "_":
        return f" {content} "
    return f"^{content} " if re.fullmatch(r"[\w.]+|-[\w.]+", content) else f"^({content})"


def _limits(match: re.Match[str]) -> str:
    name, first, first_short, last, last_short = match.groups()
    return f"{_COMMANDS[name]}_({first or first_short} → {last or last_short}) "


def _root(match: re.Match[str]) -> str:
    return _ROOTS.get(match[1] or "", "√") + _operand(match[2] if match[2] is not None else match[3])


def _fraction(match: re.Match[str]) -> str:
    over, under = match[1] or match[2] or "", match[3] or match[4] or ""
    if over.strip().isdigit() and under.strip().isdigit():
        return f" {over.strip()}/{under.strip()} "
    return f"{_operand(over)} ÷ {_operand(under)}"


def _operand(text: str) -> str:
    return f"({text.strip()})" if re.search(r"[\s+=-]", text.strip()) else f" {text.strip()}"
