"""Who walks, and on which demand."""

from __future__ import annotations

from collections.abc import Callable

from marketplace.accounts.models import User
from marketplace.scenarios.models import Scenario
from tests.browser.cast import Cast
from tests.browser.pages import Reader


class Walk:
    def __init__(self, readers: Callable[..., Reader]) -> None:
        self.readers = readers
        self.cast = Cast()
        self.visitor = readers("visitor")

    def person(self, name: str, user: User, language: str = "") -> Reader:
        reader = self.readers(name, language)
        reader.enter(user)
        return reader

    @property
    def scenario(self) -> Scenario:
        return Scenario.objects.get()

    @property
    def base(self) -> str:
        return f"/scenarios/{self.scenario.address}/"
