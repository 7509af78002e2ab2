from __future__ import annotations

from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.letters import post
from marketplace.accounts.models import User
from marketplace.accounts.recovery.models import (
    ASKED_FOR,
    REASON_MOST,
    FactorReset,
    ResetState,
)
from marketplace.accounts.rules import can_ask_factor_reset, can_decide_factor_reset
from marketplace.accounts.tokens.actions import end_tokens
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DeadlinePassed, Invalid, NotFound, StateConflict, Text
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger.actions import append
from marketplace.ledger.models import Audience


@transaction.atomic
def ask_factor_reset(*, actor: Actor, email: str, reason: str) -> FactorReset:
    """An officer has checked who has lost a factor, and asks a second person to end it.

    reason: how the person was recognised; it stays in this room. Raises Invalid, StateConflict.
    """
    found = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    reason = reason.strip()
    errors: dict[str, list[Text]] = {}
    if found is None:
        errors["email"] = [_("Nobody signs in with this address.")]
    if not reason or len(reason) > REASON_MOST or "\x00" in reason:
        errors["reason"] = [_("Write how you made sure who it is, in 1 to 500 characters.")]
    if found is None or errors:
        require(can_ask_factor_reset, actor, found)
        raise Invalid(errors=errors)
    user = lock(User, pk=found.pk)
    require(can_ask_factor_reset, actor, user)
    if not Authenticator.objects.filter(user_id=user.pk).exists():
        raise StateConflict(_("This person has no second factor."), code="factor.none")
    # One that nobody decided in time makes room for the next.
    for old in FactorReset.objects.select_for_update().filter(user=user, state=ResetState.ASKED):
        if clock.now() < old.created_at + ASKED_FOR:
            raise StateConflict(_("A second person has been asked already."), code="factor.asked")
        move(old, ResetState.DECLINED)
    row = FactorReset.objects.create(user=user, asked_by=actor.person, reason=reason)
    append(
        "factor.reset_asked",
        actor=actor,
        subjects=[user.uid, row.uid],
        audience=Audience.OFFICE,
        reason=reason,
        to_state=row.state,
    )
    return row


@transaction.atomic
def confirm_factor_reset(*, actor: Actor, reset_uid: UUID) -> FactorReset:
    """The second person agrees: factor, recovery codes, sessions and tokens end at once.

    Raises NotAllowed for whoever asked or whom it concerns, DeadlinePassed a day after asking.
    """
    row = _decided(actor, reset_uid, ResetState.CONFIRMED)
    user = row.user
    Authenticator.objects.filter(user_id=user.pk).delete()
    sessions = end_sessions(user=user)
    tokens = end_tokens(user=user)
    append(
        "factor.reset",
        actor=actor,
        subjects=[user.uid, row.uid],
        audience=Audience.OFFICE,
        from_state=ResetState.ASKED,
        to_state=row.state,
        data={"sessions": sessions, "tokens": tokens},
    )
    with translation.override(user.language):
        post(letter(user))
    return row


@transaction.atomic
def decline_factor_reset(*, actor: Actor, reset_uid: UUID) -> FactorReset:
    row = _decided(actor, reset_uid, ResetState.DECLINED)
    append(
        "factor.reset_declined",
        actor=actor,
        subjects=[row.user.uid, row.uid],
        audience=Audience.OFFICE,
        from_state=ResetState.ASKED,
        to_state=row.state,
    )
    return row


def _decided(actor: Actor, reset_uid: UUID, to: ResetState) -> FactorReset:
    seen = FactorReset.objects.visible_to(actor).filter(uid=reset_uid)
    user_id = seen.values_list("user", flat=True).first()
    if user_id is None:
        raise NotFound
    user = lock(User, pk=user_id)
    row = lock(FactorReset, uid=reset_uid)
    row.user = user
    require(can_decide_factor_reset, actor, row)
    now = clock.now()
    if row.state == ResetState.ASKED and now >= row.created_at + ASKED_FOR:
        raise DeadlinePassed
    row.decided_by, row.decided_at = actor.person, now
    move(row, to, also=("decided_by", "decided_at"))
    return row


def end_sessions(*, user: User) -> int:
    """Sign a person out everywhere, inside a room's own action. Returns from how many places."""
    rows = UserSession.objects.filter(user_id=user.pk)
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    rows.delete()
    return len(keys)


def letter(user: User) -> EmailMessage:
    """In the language of the moment."""
    sentences = [
        gettext("The park office has reset your second factor: two people agreed to it."),
        gettext("You are signed out everywhere and your API tokens are revoked."),
        gettext("Sign in with your password and set up a new factor now:"),
        settings.SITE_URL.rstrip("/") + reverse("security"),
        gettext("If you did not ask for this, tell the park office at once."),
    ]
    return EmailMessage(
        subject=gettext("Your second factor was reset"), body="\n".join(sentences), to=[user.email]
    )
