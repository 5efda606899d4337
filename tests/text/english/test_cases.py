"""Every row of `tests/text/cases/english.tsv`: a kind of reading, what is written, and what is said for it."""

from pathlib import Path

import pytest

from voiceagent.text import speakable

ROWS = [
    line.split("\t")
    for line in Path(__file__).parent.parent.joinpath("cases", "english.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(("kind", "written", "said"), ROWS)
def test_what_is_written_is_said(kind: str, written: str, said: str) -> None:
    assert speakable(written) == said, kind


@pytest.mark.parametrize(("kind", "written", "said"), ROWS)
def test_what_is_said_is_read_as_it_is(kind: str, written: str, said: str) -> None:
    assert speakable(said) == said, (kind, written)


def test_every_kind_has_neighbours() -> None:
    kinds = [kind for kind, _, _ in ROWS]
    assert all(kinds.count(kind) >= 8 for kind in kinds)
