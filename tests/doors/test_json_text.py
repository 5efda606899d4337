"""JSON as clients send it: what is no text of characters is refused before anybody has to write it."""

import pytest

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.json_text import json_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
        (r'"\ud83d\udE00"', "\U0001f600"),
        (r'"\\ud800"', r"\ud800"),
    ],
)
def test_a_value_is_read(text, value):
    assert json_of(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "The body is not JSON"),
        ("", "The body is not JSON"),
        (b"\xff", "The body is not JSON"),
        (b'"\xed\xa0\x80"', "The body is not JSON"),
        ("[" * 100_000, "The body is not JSON"),
        (r'"\ud800"', "half of a surrogate pair"),
        (r'{"a": [{"\uDFFF": 1}]}', "half of a surrogate pair"),
    ],
)
def test_what_is_none_is_refused(text, why):
    with pytest.raises(BadRequestError, match=why) as refused:
        json_of(text, "body")
    assert refused.value.code == "bad_json"
