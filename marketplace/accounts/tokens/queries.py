from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.db.models import Case, CharField, Value, When
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.accounts.pledges import owing
from marketplace.accounts.queries import DECIDING, hats
from marketplace.accounts.tokens.models import (
    USE_NOTED_EVERY,
    ApiToken,
    ApiTokenQuerySet,
    Scope,
    digest_of,
)
from marketplace.accounts.tokens.text import well_formed
from marketplace.base.actor import Actor, Role
from marketplace.base.clock import MarketplaceNow
from marketplace.base.errors import DomainError
from marketplace.base.prepared import columns, fetch_one, instances


class TokenInvalid(DomainError):
    """Unknown, expired, revoked, or of a capacity that its person no longer has."""

    status = 401
    code = "token.invalid"
    message = _("This token is not valid.")


@dataclass(frozen=True)
class Bearer:
    """A token that holds now, and in which capacity its bearer acts."""

    token: ApiToken
    actor: Actor
    use_is_due: bool


def bearer(text: str) -> Bearer:
    """Who comes with this token. One statement, since every request of a program asks it.

    Raises TokenInvalid.
    """
    row = fetch_one(bearer_statement(), {"digest": digest_of(text)}) if well_formed(text) else None
    if row is None:
        raise TokenInvalid
    *values, stands, now = row
    token, user, organisation = instances(values, ApiToken, User, Organisation)
    if token.revoked_at is not None:
        raise TokenInvalid(_("This token was revoked."))
    if token.expires_at <= now:
        raise TokenInvalid(_("This token has expired."))
    if not stands or not user.is_active:
        raise TokenInvalid(_("Whoever made this token no longer acts in this capacity."))
    token.user, token.organisation = user, organisation if token.organisation_id else None
    due = token.last_used_at is None or token.last_used_at <= now - USE_NOTED_EVERY
    return Bearer(token, owing(Actor(token.role, user, token.organisation)), due)


@cache
def bearer_statement() -> str:
    """`stands` is whether the capacity is held today: the same one that a session would be given.

    Another role in the same organisation is another capacity, in both directions: a token never
    grows with its person. Somebody without any acts as a plain signed-in person.
    """
    parts = (columns(ApiToken, "token"), columns(User, "person"), columns(Organisation, "party"))
    return f"""
    SELECT {", ".join(parts)},
        CASE WHEN token.organisation_id IS NOT NULL THEN EXISTS (
            SELECT FROM marketplace_membership held
            WHERE held.user_id = token.user_id AND held.organisation_id = token.organisation_id
                AND held.role = token.role
        ) WHEN token.role = '{Role.MEMBER}' THEN NOT EXISTS (
            SELECT FROM marketplace_membership held WHERE held.user_id = token.user_id
        ) AND NOT EXISTS (
            SELECT FROM marketplace_personrole held WHERE held.user_id = token.user_id
        ) ELSE EXISTS (
            SELECT FROM marketplace_personrole held
            WHERE held.user_id = token.user_id AND held.role = token.role
        ) END AS stands,
        marketplace_now()
    FROM marketplace_apitoken token
    JOIN marketplace_user person ON person.id = token.user_id
    LEFT JOIN marketplace_organisation party ON party.id = token.organisation_id
    WHERE token.digest = %(digest)s::text
    """  # noqa: S608  # names of columns and one constant of ours


def lent_for(scope: Scope, *, second_factor: bool) -> str:
    """The same as a part of a deed's own statement, for who bids: a token that holds now.

    No row, where anything but a plain yes is to be said: `bearer` tells what it is. So a token bound
    to one demand is left to it, and, with `second_factor`, whoever must have one.
    """
    deciding = ", ".join(f"'{role}'" for role in DECIDING)
    undecided = f"""
        AND NOT EXISTS (SELECT FROM marketplace_membership held
            WHERE held.user_id = token.user_id AND held.role IN ({deciding}))
        AND NOT EXISTS (SELECT FROM marketplace_personrole held
            WHERE held.user_id = token.user_id AND held.role IN ({deciding}))
        AND NOT EXISTS (SELECT FROM marketplace_grant held
            WHERE held.user_id = token.user_id AND held.capability = 'key_holder'
                AND held.from_at <= marketplace_now()
                AND (held.until_at IS NULL OR held.until_at > marketplace_now()))
    """  # noqa: S608  # constants of ours
    return f"""
    SELECT token.id AS token, token.uid AS token_uid, token.role::text AS role,
        party.id AS organisation, party.uid AS organisation_uid, party.is_vendor,
        party.verified_at, person.id AS person, person.uid AS person_uid,
        coalesce(token.last_used_at <= marketplace_now()
            - interval '{USE_NOTED_EVERY.total_seconds():.0f} s', true) AS use_is_due
    FROM marketplace_apitoken token
    JOIN marketplace_user person ON person.id = token.user_id AND person.is_active
    JOIN marketplace_organisation party ON party.id = token.organisation_id
    WHERE token.digest = %(digest)s::text AND token.revoked_at IS NULL
        AND token.expires_at > marketplace_now() AND token.scenario_uid IS NULL
        AND token.scopes @> ARRAY['{scope}']::varchar[]
        AND EXISTS (
            SELECT FROM marketplace_membership held
            WHERE held.user_id = token.user_id AND held.organisation_id = token.organisation_id
                AND held.role = token.role
        )
        {undecided if second_factor else ""}
    """  # noqa: S608  # constants of ours


def standing_hat(user: User, role: str, organisation_id: int | None) -> Actor | None:
    actors = [hat.actor for hat in hats(user)]
    if not actors:
        # Somebody without any hat acts as a plain signed-in person.
        actors = [Actor(Role.MEMBER, user)]
    for actor in actors:
        if (actor.role, actor.organisation_id) == (role, organisation_id):
            return actor
    return None


def tokens_of(actor: Actor) -> ApiTokenQuerySet:
    """Those that the actor may see, with how they stand: live, expired, revoked. Newest first."""
    standing = Case(
        When(revoked_at__isnull=False, then=Value("revoked")),
        When(expires_at__lte=MarketplaceNow(), then=Value("expired")),
        default=Value("live"),
        output_field=CharField(),
    )
    rows = ApiToken.objects.visible_to(actor).select_related("user", "organisation")
    return rows.annotate(standing=standing).order_by("-id")


def hat_of(token: ApiToken) -> Actor:
    """In which capacity it was made, for showing it; whether that still stands is not asked."""
    return Actor(token.role, token.user, token.organisation)
