from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, Value, When
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.accounts.queries import hats
from marketplace.accounts.tokens.models import (
    USE_NOTED_EVERY,
    ApiToken,
    ApiTokenQuerySet,
    digest_of,
)
from marketplace.accounts.tokens.text import well_formed
from marketplace.base.actor import Actor, Role
from marketplace.base.clock import MarketplaceNow
from marketplace.base.errors import DomainError


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
    """Who comes with this token. Three queries. Raises TokenInvalid."""
    if not well_formed(text):
        raise TokenInvalid
    rows = ApiToken.objects.select_related("user").annotate(now=MarketplaceNow())
    token = rows.filter(digest=digest_of(text)).first()
    if token is None:
        raise TokenInvalid
    now: datetime = token.now
    if token.revoked_at is not None:
        raise TokenInvalid(_("This token was revoked."))
    if token.expires_at <= now:
        raise TokenInvalid(_("This token has expired."))
    actor = actor_of(token) if token.user.is_active else None
    if actor is None:
        raise TokenInvalid(_("Whoever made this token no longer acts in this capacity."))
    due = token.last_used_at is None or token.last_used_at <= now - USE_NOTED_EVERY
    return Bearer(token, actor, due)


def actor_of(token: ApiToken) -> Actor | None:
    """The capacity as it is today: the same one that a session would be given, or none.

    Another role in the same organisation is another capacity, in both directions: a token never
    grows with its person.
    """
    return standing_hat(token.user, token.role, token.organisation_id)


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
