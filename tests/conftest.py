"""How large the tests are that can have any size: quick in `make test`, in full in continuous integration.

Such a test is marked `exhaustive(quick=..., full=...)` and asks for `size`, which is the one or the other. One that is
marked `thorough` only runs in full: it says, at more cost, what another test says of the same path. Tests of hypothesis
that name no number of examples of their own take it from the profile of the same name.
"""

import os
from typing import Any

import pytest
from hypothesis import settings

os.environ["HF_HUB_CACHE"] = os.devnull  # what a test finds does not depend on what this machine has in its cache

settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("full", max_examples=100, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="run in full what is otherwise scaled down")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(_profile(config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("exhaustive"):
        thorough = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=thorough)
        items[:] = [item for item in items if item not in thorough]


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Any:
    """How large the test is to be, from its mark `exhaustive`."""
    mark = request.node.get_closest_marker("exhaustive")
    assert mark, "a test that asks for its size is marked exhaustive(quick=..., full=...)"
    return mark.kwargs[_profile(request.config)]


def _profile(config: pytest.Config) -> str:
    return "full" if config.getoption("exhaustive") else "quick"
