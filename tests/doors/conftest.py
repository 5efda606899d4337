"""What tests of the doors share."""

import pytest
from echo_door import Echo


@pytest.fixture
def doors(monkeypatch):
    """Have every server of the test open the door `Echo`; return those that were opened."""
    opened = []

    def make(name, context):
        opened.append(Echo(context))
        return opened[-1]

    monkeypatch.setattr("voiceagent.doors.app.make_door", make)
    return opened
