"""Twilio's signature: the example of its documentation, and what must not pass."""

import pytest

from voiceagent.doors.telephony.signature import is_signed, signature

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
SIGNED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_documented_example_is_signed_so():
    assert signature(TOKEN, URL, FORM) == SIGNED
    assert signature(TOKEN, URL, reversed(FORM)) == SIGNED


def test_the_usual_port_may_be_spelt_out():
    spelt = signature(TOKEN, URL.replace(".com/", ".com:443/"), FORM)
    assert is_signed(TOKEN, spelt, [URL], FORM)
    assert is_signed(TOKEN, SIGNED, [URL.replace(".com/", ".com:443/")], FORM)
    assert not is_signed(TOKEN, spelt, [URL.replace(".com/", ".com:8443/")], FORM)


@pytest.mark.parametrize(
    ("given", "urls", "form"),
    [
        ("", [URL], FORM),
        (SIGNED, [URL + "&more=1"], FORM),
        (SIGNED, [URL], FORM[1:]),
        (SIGNED, [URL], [*FORM, ("SpeechResult", "yes")]),
        ("é", [URL], FORM),
    ],
)
def test_anything_else_is_not_signed(given, urls, form):
    assert not is_signed(TOKEN, given, urls, form)
    assert is_signed(TOKEN, SIGNED, ["https://other.example", URL], FORM)
    assert not is_signed("54321", SIGNED, [URL], FORM)
