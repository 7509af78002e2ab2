"""A token ends with the capacity that it lends, and stays ended when the capacity is given again."""

from __future__ import annotations

from marketplace.accounts.tokens.models import ApiToken
from marketplace.ledger.actions import project
from marketplace.ledger.models import Event


def end(event: Event, **lent: object) -> None:
    rows = ApiToken.objects.filter(user__uid__in=event.subjects, revoked_at=None, **lent)
    rows.update(revoked_at=event.at)


@project("member.removed")
@project("member.role_changed")
def of_a_membership(event: Event) -> None:
    end(event, organisation__uid__in=event.subjects)


@project("person_role.ended")
def of_a_role(event: Event) -> None:
    end(event, organisation=None, role=event.from_state)
