from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from marketplace.accounts.models import (
    Capability,
    Control,
    Grant,
    Membership,
    Organisation,
    PersonRole,
    User,
)
from marketplace.accounts.organisations.models import RELATING, OrganisationRelation
from marketplace.accounts.pledges import owing
from marketplace.base import clock
from marketplace.base.actor import VISITOR, Actor, Role
from marketplace.base.prepared import fetch_one


@dataclass(frozen=True)
class Acting:
    """One hat that a person may wear: `key` is what the session keeps."""

    key: str
    actor: Actor

    @property
    def organisation(self) -> Organisation | None:
        return self.actor.organisation

    @property
    def role_label(self) -> str:
        return str(Role(self.actor.role).label)


def hats(user: User) -> list[Acting]:
    """Every capacity in which a person may act, organisations first. Two queries."""
    members = Membership.objects.filter(user=user).select_related("organisation").order_by("pk")
    chosen = [
        Acting(f"org:{m.organisation.uid}", owing(Actor(m.role, user, m.organisation)))
        for m in members
    ]
    roles = user.person_roles.order_by("pk").values_list("role", flat=True)
    return chosen + [Acting(f"role:{role}", owing(Actor(role, user))) for role in roles]


def acting(user: User | AnonymousUser, key: str = "") -> tuple[Actor, list[Acting]]:
    """The hat that the session names, or the first one, and all of them."""
    if not isinstance(user, User):
        return VISITOR, []
    choices = hats(user)
    for choice in choices:
        if choice.key == key:
            return choice.actor, choices
    return (choices[0].actor if choices else owing(Actor(Role.MEMBER, user))), choices


DECIDING = [
    Role.OFFICER,
    Role.SECRETARY,
    Role.EXPERT,
    Role.WITNESS,
    Role.COMPLAINTS,
    Role.INSPECTOR,
]


def needs_second_factor(user: User) -> bool:
    """Whether any hat of this person decides or supervises, or a key of an opening is held."""
    member = Membership.objects.filter(user=user, role__in=DECIDING)
    role = PersonRole.objects.filter(user=user, role__in=DECIDING)
    keys = Grant.objects.in_force().filter(user=user, capability=Capability.KEY_HOLDER)
    return member.exists() or role.exists() or keys.exists()


def granted_subjects(actor: Actor, *capabilities: str) -> QuerySet[Grant, UUID]:
    """Subquery of the uids on which the actor holds one of these capabilities now."""
    grants = Grant.objects.held_by(actor).filter(capability__in=capabilities)
    return grants.values_list("subject_uid", flat=True)


def holds_keys(actor: Actor) -> bool:
    """Whether this person is a key holder of any opening now."""
    keys = Grant.objects.in_force().filter(capability=Capability.KEY_HOLDER)
    return actor.user_id is not None and keys.filter(user=actor.user_id).exists()


def holds(actor: Actor, capability: str, subject_uid: UUID) -> bool:
    grants = Grant.objects.held_by(actor)
    return grants.filter(capability=capability, subject_uid=subject_uid).exists()


def key_holders(subject_uid: UUID) -> QuerySet[User]:
    """The people appointed to confirm the openings of a scenario."""
    open_grants = Grant.objects.in_force().filter(
        capability=Capability.KEY_HOLDER, subject_uid=subject_uid
    )
    return User.objects.filter(pk__in=open_grants.values("user_id")).order_by("pk")


def related_organisations(organisation: Organisation) -> set[int]:
    """Ids of organisations under the same control today, the organisation itself excluded.

    Same controller, one controlling the other by its code, one managing the other, or the same
    head (L2 §34); only what the office has seen. One step is what the demands of this room need;
    the whole graph comes with the interests of experts.
    """
    today = clock.today()
    now = Control.objects.in_force(today)
    controllers = set(
        now.filter(organisation=organisation).values_list("controller_code", flat=True)
    )
    same = now.filter(controller_code__in=controllers | {organisation.uscc})
    found = set(same.values_list("organisation_id", flat=True))
    stated = OrganisationRelation.objects.in_force(today).filter(kind__in=RELATING)
    mine = stated.filter(Q(organisation=organisation) | Q(other_uscc=organisation.uscc))
    ties = mine.values_list("organisation_id", "other_uscc")
    found |= {pk for pk, _other in ties}
    others = {other for _pk, other in ties}
    parties = Organisation.objects.filter(uscc__in=controllers | others)
    return (found | set(parties.values_list("pk", flat=True))) - {organisation.pk}


# The same for one pair, `{one}` and `{other}`: the deadline's transaction asks it within a statement
# of its own. What is asked stands in the function (its migration), which asks on only where needed.
RELATED_SQL = "SELECT marketplace_are_related({one}, {other}, ARRAY[{kinds}])"


def related_sql(one: str, other: str) -> str:
    """A statement of one row and column; `one` and `other` are expressions of ours."""
    kinds = ", ".join(f"'{kind}'" for kind in RELATING)
    return RELATED_SQL.format(one=one, other=other, kinds=kinds)


RELATED = related_sql("%(one)s::bigint", "%(other)s::bigint")


def are_related(one: int, other: int) -> bool:
    """Whether two organisations, by id, are `related_organisations` today."""
    found = fetch_one(RELATED, {"one": one, "other": other})
    return found is not None and bool(found[0])
