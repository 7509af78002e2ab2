"""Pledges 廉洁承诺 and 保密承诺: their versioned texts, who signed which, and what is still owed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability, Grant, Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.canonical import digest
from marketplace.base.models import Recorded
from marketplace.base.prepared import fetch_all
from marketplace.base.rules import CONFIDENTIALITY
from marketplace.ledger.models import append_only

KEY_HOLDER = "key_holder"


class PledgeKind(models.TextChoices):
    INTEGRITY = "integrity", _("Integrity")
    CONFIDENTIALITY = CONFIDENTIALITY, _("Confidentiality")


class PledgeTextQuerySet(models.QuerySet["PledgeText"]):
    def in_force(self) -> PledgeTextQuerySet:
        """The newest version of each text."""
        newest = PledgeText.objects.order_by("code", "-version").distinct("code")
        return self.filter(pk__in=newest.values("pk"))

    def asked_of(self, actor: Actor) -> PledgeTextQuerySet:
        """Those in force that this actor signs: by role, and as a holder of keys by appointment."""
        if not actor.user_id:
            return self.none()
        keys = Grant.objects.in_force().filter(user=actor.user_id, capability=Capability.KEY_HOLDER)
        asked = Q(roles__contains=[str(actor.role)])
        holding = Q(Exists(keys), roles__contains=[KEY_HOLDER])
        return self.in_force().filter(asked if actor.role == Role.EXPERT else asked | holding)

    def unsigned_by(self, actor: Actor) -> PledgeTextQuerySet:
        signed = Pledge.objects.filter(
            text=OuterRef("pk"), user=actor.user_id, organisation=actor.organisation_id
        )
        return self.filter(~Exists(signed))


class PledgeText(Recorded):
    """One version of one text, in both languages. A change is a new version."""

    append_only = True

    code = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=PledgeKind.choices)
    roles = ArrayField(models.CharField(max_length=16))
    title = models.CharField(max_length=80)
    title_en = models.CharField(max_length=120)
    body = models.TextField()
    body_en = models.TextField()
    sha256 = models.CharField(max_length=64)

    objects = PledgeTextQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(name="pledge_text_once", fields=["code", "version"])]
        triggers = append_only("pledge_text")


class PledgeQuerySet(models.QuerySet["Pledge"]):
    def visible_to(self, actor: Actor) -> PledgeQuerySet:
        """Each person's own, under every hat."""
        return self.filter(user=actor.user_id) if actor.user_id else self.none()


class Pledge(Recorded):
    """One person signed one text, in one capacity: for an organisation, or in person."""

    append_only = True

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="pledges")
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="+"
    )
    role = models.CharField(max_length=16)
    text = models.ForeignKey(PledgeText, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    signed_at = models.DateTimeField()

    objects = PledgeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="pledge_signed_once",
                fields=["user", "organisation", "text"],
                nulls_distinct=False,
            )
        ]
        triggers = append_only("pledge")


def text_hash(text: PledgeText | dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of code, version, titles and bodies in both languages."""
    part = text.get if isinstance(text, dict) else lambda name: getattr(text, name)
    names = ("code", "version", "kind", "title", "title_en", "body", "body_en")
    return digest({name: part(name) for name in names}).hex()


def owed(actor: Actor) -> PledgeTextQuerySet:
    """The texts that this actor has still to sign, in the order of the page."""
    return PledgeText.objects.asked_of(actor).unsigned_by(actor).order_by("-kind", "code", "pk")


# What `owed` asks, in one statement whose plan is kept: every deed of everybody asks it.
OWED_SQL = """
SELECT DISTINCT text.kind FROM marketplace_pledgetext text
WHERE NOT EXISTS (
    SELECT FROM marketplace_pledgetext newer
    WHERE newer.code = text.code AND newer.version > text.version
) AND (
    text.roles @> ARRAY[{role}]::varchar[]
    OR ({role} <> 'expert' AND text.roles @> ARRAY['key_holder']::varchar[] AND EXISTS (
        SELECT FROM marketplace_grant
        WHERE user_id = {user} AND capability = 'key_holder'
            AND from_at <= marketplace_now()
            AND (until_at IS NULL OR until_at > marketplace_now())
    ))
) AND NOT EXISTS (
    SELECT FROM marketplace_pledge
    WHERE text_id = text.id AND user_id = {user}
        AND organisation_id IS NOT DISTINCT FROM {organisation}
)
"""


def owed_sql(role: str, user: str, organisation: str) -> str:
    """A statement of one column; all three are expressions of ours."""
    return OWED_SQL.format(role=role, user=user, organisation=organisation)


OWED_KINDS = owed_sql("%(role)s::text", "%(user)s::bigint", "%(organisation)s::bigint")


def owed_kinds(actor: Actor) -> frozenset[str]:
    """The kinds of the texts that this actor has still to sign; none for a visitor."""
    if not actor.user_id:
        return frozenset()
    given = {
        "role": str(actor.role),
        "user": actor.user_id,
        "organisation": actor.organisation_id,
    }
    return frozenset(kind for (kind,) in fetch_all(OWED_KINDS, given))


class Owes:
    """The kinds that one actor has still to sign: asked once, and only when it matters."""

    def __init__(self, actor: Actor) -> None:
        self.actor, self.kinds = actor, None

    kinds: frozenset[str] | None

    def __call__(self) -> frozenset[str]:
        if self.kinds is None:
            self.kinds = owed_kinds(self.actor)
        return self.kinds

    def learn(self, kinds: Iterable[str]) -> None:
        """What `OWED_KINDS` found within another statement, so that nobody asks again."""
        self.kinds = frozenset(kinds)


def owing(actor: Actor) -> Actor:
    """The same actor, who knows what it owes once somebody asks. For the doors that build actors."""
    return Actor(actor.role, actor.user, actor.organisation, Owes(actor))
