"""A real server in a process of its own, and a real Chromium whose microphone plays recordings of people."""

import pytest

from benchmarks.corpus import CorpusError, questions


@pytest.fixture(scope="session")
def people():
    """Recorded utterances with their texts."""
    try:
        return questions(4)
    except CorpusError as error:
        pytest.skip(str(error))
