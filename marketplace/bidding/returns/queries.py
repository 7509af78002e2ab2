"""Which bids are to be returned, until when, and what of them is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.clock import SHANGHAI
from marketplace.base.errors import Gone
from marketplace.bidding.models import Bid, BidState, OpenedFile, SealedEnvelope
from marketplace.bidding.returns.models import ReturnCertificate, ReturnKind
from marketplace.ledger import receipts
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.reminders import due_by, since
from marketplace.scenarios.windows import window_end

RETURN_DAYS = 30
# Where the frozen profile says nothing: it is from before the value, and keeping can be undone.
RETENTION_DAYS = 5479  # 15 years
OVER = (State.AWARDED, State.IMPLEMENTING, State.ACCEPTED, State.FAILED, State.TERMINATED)
ENDS = ["award.confirmed", "scenario.failed", "scenario.terminated"]


def to_return() -> Q:
    """Bids that did not win, where it is over; what was withdrawn is nobody's business."""
    kept = Q(state__in=[BidState.WON, BidState.WITHDRAWN])
    return Q(scenario__state__in=OVER, scenario__deadline_at__isnull=False) & ~kept


def uncertified() -> QuerySet[Bid]:
    return Bid.objects.filter(to_return(), returns=None)


def ended_at(scenario: Scenario) -> datetime | None:
    return since([scenario.uid], ENDS).get(scenario.uid) or scenario.ended_at


def due_at(scenario: Scenario, ended: datetime) -> datetime:
    return due_by(scenario.profile, "return_max", RETURN_DAYS, ended)


def retained_until(scenario: Scenario, ended: datetime) -> datetime | None:
    """Until when the rules of the demand forbid destruction."""
    profile: RuleProfile | None = scenario.profile
    if profile is not None and "retention" in profile.values:
        if not profile.count("retention"):
            return None
        return window_end(profile, "retention", ended)
    return due_by(None, "", RETENTION_DAYS, ended)


def returns_of(actor: Actor, scenario: Scenario) -> list[Bid]:
    """Bids to return with their certificates in `certificates`, by name. Two queries."""
    rows = Bid.objects.visible_to(actor).filter(to_return(), scenario=scenario)
    bids = list(rows.select_related("organisation").order_by("organisation__name", "pk"))
    given = certificates(actor, bids)
    for bid in bids:
        vars(bid)["certificates"] = [row for row in given if row.bid_id == bid.pk]
    return bids


def certificates(actor: Actor, bids: Iterable[Bid]) -> list[ReturnCertificate]:
    rows = ReturnCertificate.objects.visible_to(actor).filter(bid__in=list(bids))
    return list(rows.order_by("pk"))


def certificate_of(actor: Actor, uid: Any) -> ReturnCertificate | None:
    rows = ReturnCertificate.objects.visible_to(actor).filter(uid=uid)
    return rows.select_related("receipt", "bid").first()


def document(certificate: ReturnCertificate) -> dict[str, Any]:
    return receipts.document(certificate.receipt)


def destruction_of(file: OpenedFile) -> ReturnCertificate | None:
    return ReturnCertificate.objects.filter(
        bid__versions__envelopes__opened=file.envelope_id, kind=ReturnKind.DESTROYED
    ).first()


def require_kept(*, file: OpenedFile) -> None:
    """Raise Gone (410) for a file that was destroyed, with the date."""
    found = destruction_of(file)
    if found is not None:
        raise Gone(
            _("This file was destroyed on %(date)s, as certified to the bidder."),
            code="file.destroyed",
            date=f"{found.certified_at.astimezone(SHANGHAI):%Y-%m-%d}",
        )


def destroyed_names(using: str = "default") -> set[str]:
    """Names in storage of what was destroyed: their rows stay, so nobody takes them for lost."""
    gone = ReturnCertificate.objects.using(using).filter(kind=ReturnKind.DESTROYED)
    bids = gone.values("bid_id")
    sealed = SealedEnvelope.objects.using(using).filter(version__bid_id__in=bids)
    opened = OpenedFile.objects.using(using).filter(envelope__sealed__version__bid_id__in=bids)
    return {
        *sealed.values_list("stored_name", flat=True),
        *opened.values_list("stored_name", flat=True),
    }
