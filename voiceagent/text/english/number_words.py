"""English number words: an integer or a written number as it is said, in the American way (no "and").

Written here rather than taken from a library: num2words is LGPL, and inflect brings four more packages and two
seconds of first import for what these few functions do. Numbers above 999 trillion are read digit by digit.
"""

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ONES = _BELOW_TWENTY.split()
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"}
_IRREGULAR |= {"nine": "ninth", "twelve": "twelfth"}
_MOST_DIGITS = 15


def digits(text: str) -> str:
    """Read ASCII digits one by one: "007" -> "zero zero seven"."""
    return " ".join(_ONES[int(digit)] for digit in text)


def cardinal(number: int) -> str:
    """Read a whole number >= 0: 1234 -> "one thousand two hundred thirty-four"."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if number >= 10**_MOST_DIGITS:
        return digits(str(number))
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    head, rest = divmod(number, size)
    return f"{cardinal(head)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """Read a whole number >= 0 as a rank: 22 -> "twenty-second"."""
    words = cardinal(number)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    if last in _IRREGULAR:
        return words[:start] + _IRREGULAR[last]
    return words[:start] + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """Read a year: 1985 -> "nineteen eighty-five", 2005 -> "two thousand five", 1066 -> "ten sixty-six"."""
    century, rest = divmod(number, 100)
    if not 10 <= century <= 99 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def plural(words: str) -> str:
    """Make the plural of a number word: "nineteen ninety" -> "nineteen nineties"."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def number(text: str) -> str:
    """Read a number as written in ASCII digits, with or without commas and decimals.

    "1,234.50" -> "one thousand two hundred thirty-four point five zero"; leading zeros mean a code: "007" is read
    digit by digit.
    """
    whole, _, fraction = text.replace(",", "").partition(".")
    code = len(whole) > _MOST_DIGITS or (len(whole) > 1 and whole[0] == "0")
    spoken = digits(whole) if code else cardinal(int(whole or 0))
    return f"{spoken} point {digits(fraction)}" if fraction else spoken
