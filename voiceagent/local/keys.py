"""Keys of a terminal, one at a time. A terminal tells of no key that is let go."""

import codecs
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENTER, ESCAPE, BACKSPACE, INTERRUPT = "\n", "\x1b", "\x7f", "\x03"


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
        text = decode(os.read(file, 1024))
        if text.startswith(ESCAPE) and len(text) > 1:
            return
        for sign in text.replace("\r", ENTER).replace("\x08", BACKSPACE):
            press(sign)

    tty.setcbreak(file)
    add_reader(file, read)
    try:
        yield
    finally:
        remove_reader(file)
        termios.tcsetattr(file, termios.TCSADRAIN, before)
