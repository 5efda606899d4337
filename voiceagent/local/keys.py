"""Keys of a terminal, one at a time. A terminal tells of no key that is let go."""

import codecs
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENTER, ESCAPE, BACKSPACE = "\n", "\x1b", "\x7f"
SEQUENCE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O.)")
"""What an arrow or another key without a sign sends."""


@contextmanager
def keys(
    add_reader: Callable[..., None], remove_reader: Callable[[int], object], press: Callable[[str], None]
) -> Iterator[None]:
    """Give `press` every key, while inside; a key with an escape sequence (an arrow) is left out.

    `add_reader` and `remove_reader` are the event loop's.
    """
    import termios
    import tty

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def read() -> None:
        text = SEQUENCE.sub("", decode(os.read(file, 1024)))
        for sign in text.replace("\r", ENTER).replace("\x08", BACKSPACE):
            press(sign)

    tty.setcbreak(file)
    add_reader(file, read)
    try:
        yield
    finally:
        remove_reader(file)
        termios.tcsetattr(file, termios.TCSADRAIN, before)
