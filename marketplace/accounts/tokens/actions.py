from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.accounts.rules import can_create_token, can_revoke_token
from marketplace.accounts.tokens.models import (
    LIVE_PER_USER,
    LONGEST_DAYS,
    NAME_LENGTH,
    USE_NOTED_EVERY,
    USUAL_DAYS,
    ApiToken,
    Scope,
    digest_of,
)
from marketplace.accounts.tokens.queries import standing_hat
from marketplace.accounts.tokens.text import make
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.clock import MarketplaceNow
from marketplace.base.errors import DomainError, Invalid, NotAllowed, NotFound
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.ledger.actions import append
from marketplace.ledger.models import Audience


class TokenLimit(DomainError):
    code = "token.limit"
    message = _("You have %(limit)d tokens in use. Revoke one that you no longer need.")


@dataclass(frozen=True)
class Minted:
    """A new token with its secret, which nobody can read again."""

    token: ApiToken
    text: str

    def __repr__(self) -> str:
        return f"Minted({self.token.uid})"


@transaction.atomic
def create_token(
    *,
    actor: Actor,
    name: str,
    scopes: Collection[str],
    days: int = USUAL_DAYS,
    scenario_uid: UUID | None = None,
) -> Minted:
    """A token for the capacity in which the actor acts now.

    days: 1 to 366. scenario_uid: only this demand may be touched; that the actor may see it is
    asked by the door. Raises Invalid, NotAllowed, TokenLimit.
    """
    user = lock(User, pk=actor.user_id)
    require(can_create_token, actor, user)
    if standing_hat(user, actor.role, actor.organisation_id) is None:
        raise NotAllowed(code="not_allowed.create_token")
    name = " ".join(name.split())
    refuse_wrong(name, scopes, days)
    if ApiToken.objects.live().filter(user=user).count() >= LIVE_PER_USER:
        raise TokenLimit(limit=LIVE_PER_USER)
    text = make()
    token = ApiToken.objects.create(
        user=user,
        organisation=actor.organisation,
        role=str(actor.role),
        name=name,
        scopes=[scope for scope in Scope.values if scope in scopes],
        scenario_uid=scenario_uid,
        digest=digest_of(text),
        expires_at=clock.now() + timedelta(days=days),
    )
    append(
        "token.created",
        actor=actor,
        subjects=[user.uid, token.uid],
        audience=Audience.OFFICE,
        # Which demand it is bound to may be a secret before a deadline.
        inputs={"scenario": scenario_uid, "name": name},
        data={"scopes": token.scopes, "expires_at": token.expires_at},
    )
    return Minted(token, text)


def refuse_wrong(name: str, scopes: Collection[str], days: int) -> None:
    errors: dict[str, list[Any]] = {}
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        errors["name"] = [_("Give the token a name of 1 to 80 characters.")]
    if not scopes or set(scopes) - set(Scope.values):
        errors["scopes"] = [_("Choose at least one of the listed purposes.")]
    if not 1 <= days <= LONGEST_DAYS:
        errors["days"] = [_("A token holds for 1 to 366 days.")]
    if errors:
        raise Invalid(errors=errors)


@transaction.atomic
def revoke_token(*, actor: Actor, token_uid: UUID) -> ApiToken:
    """End a token at once. Doing so twice changes nothing."""
    token = lock(ApiToken, uid=token_uid)
    if not ApiToken.objects.visible_to(actor).filter(pk=token.pk).exists():
        raise NotFound
    require(can_revoke_token, actor, token, unpledged=True)
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        token.save(update_fields=["revoked_at"])
        append(
            "token.revoked",
            actor=actor,
            subjects=[token.user.uid, token.uid],
            audience=Audience.OFFICE,
        )
    return token


def end_tokens(*, user: User) -> int:
    """End all tokens of a person inside a room's own action, which writes the event."""
    rows = ApiToken.objects.filter(user=user, revoked_at=None)
    return rows.update(revoked_at=clock.now())


def note_use(*, token: ApiToken) -> None:
    """At most once a minute, whichever process is asked."""
    stale = Q(last_used_at=None) | Q(last_used_at__lte=MarketplaceNow() - USE_NOTED_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=MarketplaceNow())
