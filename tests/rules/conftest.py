"""What the rule tests share."""

from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.rules.city import City


@pytest.fixture(scope="session")
def city(clone: Callable[[], Database]) -> City:
    """The city of random worlds, whose clock stands at ``tests.rules.city.AT``."""
    return City.found(clone())
