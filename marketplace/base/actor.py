from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from marketplace.accounts.models import Organisation, User


class Role(TextChoices):
    """In which capacity somebody acts. One at a time."""

    VISITOR = "visitor", _("Visitor")
    MEMBER = "member", _("Signed in")
    # by membership of an organisation
    OWNER = "owner", _("Owner")
    EDITOR = "editor", _("Editor")
    VIEWER = "viewer", _("Viewer")
    # by membership of the park office
    OFFICER = "officer", _("Officer")
    SECRETARY = "secretary", _("Secretary")
    # by person
    EXPERT = "expert", _("Expert")
    EVALUATOR = "evaluator", _("Evaluator")
    WITNESS = "witness", _("Witness")
    COMPLAINTS = "complaints", _("Complaints handler")
    INSPECTOR = "inspector", _("Inspector")
    OPERATOR = "operator", _("Operator")
    # not people
    SYSTEM = "system", _("System")
    OPENER = "opener", _("Opener")


@dataclass(frozen=True)
class Actor:
    """Who acts, for whom, and as what. Built by the doors, passed to rules, querysets and ledger."""

    role: str
    user: User | None = None
    organisation: Organisation | None = None
    # The kinds of pledge still to be signed before this actor acts, asked only when it matters.
    owes: Callable[[], frozenset[str]] = field(default=frozenset, compare=False, repr=False)

    @property
    def person(self) -> User:
        """The user, where the rule has made sure that there is one."""
        assert self.user is not None, f"{self.role} is nobody"
        return self.user

    @property
    def party(self) -> Organisation:
        """The organisation, where the rule has made sure that there is one."""
        assert self.organisation is not None, f"{self.role} acts for nobody"
        return self.organisation

    @property
    def user_uid(self) -> UUID | None:
        return self.user.uid if self.user else None

    @property
    def organisation_uid(self) -> UUID | None:
        return self.organisation.uid if self.organisation else None

    @property
    def user_id(self) -> int | None:
        return self.user.pk if self.user else None

    @property
    def organisation_id(self) -> int | None:
        return self.organisation.pk if self.organisation else None

    @property
    def writes(self) -> bool:
        """Owners and editors of an organisation may change things; viewers read."""
        return self.role in {Role.OWNER, Role.EDITOR}

    @property
    def is_office(self) -> bool:
        return self.role in {Role.OFFICER, Role.SECRETARY}


VISITOR = Actor(role=Role.VISITOR)
SYSTEM = Actor(role=Role.SYSTEM)
OPENER = Actor(role=Role.OPENER)
