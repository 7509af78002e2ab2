"""What waits for somebody about an organisation, not about a demand."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations.models import VerificationState
from marketplace.accounts.organisations.queries import to_verify
from marketplace.accounts.rules import can_ask_verification
from marketplace.base.actor import Actor

LIMIT = 100
Text = str | Promise


@dataclass(frozen=True)
class Errand:
    """One line of a desk: a verb, the organisation that it is about, and where."""

    verb: Text
    organisation: Organisation
    url: str
    note: Text = ""


def errands(actor: Actor) -> list[Errand]:
    """Officers verify; an organisation files its evidence. At most two questions."""
    found = [_errand(_("Verify"), row, _why(row)) for row in to_verify(actor)[:LIMIT]]
    own = actor.organisation
    if own is None or not can_ask_verification(actor, own):
        return found
    if own.verified_at is None and not _asked(own):
        found.append(
            _errand(
                _("File evidence to be verified"),
                own,
                _("Until then it can neither publish a demand nor bid."),
            )
        )
    elif own.changed_since_verified and not _asked(own):
        found.append(_errand(_("Ask for another look"), own, _("Changed since it was verified")))
    return found


def _why(row: Organisation) -> Text:
    if row.changed_since_verified:
        return _("Changed since it was verified")
    return _("Asks to be verified")


def _asked(own: Organisation) -> bool:
    return own.verifications.filter(state=VerificationState.WAITING).exists()


def _errand(verb: Text, row: Organisation, note: Text) -> Errand:
    return Errand(verb, row, reverse("organisation-verification", args=[row.uid]), note)
