"""Inputs made of right ones: what runs where atheris is not at hand, and in the tests."""

from random import Random

from fuzz.seeds import WORDS


def mutated(seeds: list[bytes], chance: Random) -> bytes:
    """Return a seed with some places changed, as `chance` has it."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(data) + 1)
        size = chance.choice((1, 1, 2, 4, 8, 32))
        match chance.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + size] = b""
            case 2:
                data[at:at] = chance.choice(WORDS)
            case 3:
                data[at : at + size] = chance.choice(WORDS)
            case 4:
                data[at:at] = data[at : at + size] * chance.choice((1, 2, 50))
            case 5:
                data[at : at + size] = chance.randbytes(size)
            case _:
                other = chance.choice(seeds)
                data = data[:at] + other[chance.randrange(len(other) + 1) :]
    return bytes(data[:20_000])
