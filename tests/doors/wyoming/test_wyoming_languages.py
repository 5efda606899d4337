"""Languages as Home Assistant names them."""

import pytest

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.wyoming.languages import language_among


@pytest.mark.parametrize("asked", ["de", "de-DE", "de_CH", "DE"])
def test_a_region_makes_no_difference(asked):
    assert language_among(("en", "de"), asked) == "de"


def test_none_asked_for_is_none_and_any_will_do_where_none_are_known():
    assert language_among(("en",), None) is None
    assert language_among((), "fr-CA") == "fr"


@pytest.mark.parametrize("asked", ["fr", "", 5, "deu"])
def test_another_is_refused_with_what_there_is(asked):
    with pytest.raises(BadRequestError, match="there is en, de"):
        language_among(("en", "de"), asked)
