from collections.abc import Iterator

import pytest
from django.utils import translation

from tests.notices.smtp import Sink, served


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Sentences are compared in the language in which they are written."""
    with translation.override("en"):
        yield


@pytest.fixture
def sink(settings):
    """A mail server on loopback; the site sends to it as in service."""
    with served(Sink(), settings) as handler:
        yield handler.received
