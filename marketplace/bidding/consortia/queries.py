"""Who takes part in a bid beside the bidder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from marketplace.base.actor import Actor
from marketplace.bidding.consortia.models import ConsortiumChange, ConsortiumMember
from marketplace.bidding.models import Bid, OpenedEnvelope, Outcome
from marketplace.scenarios.models import Envelope

# In a business form: the experts whom the bidder challenges, with reasons.
CHALLENGES = "challenges"
Bids = Iterable[Bid] | Iterable[int] | QuerySet[Bid]


def business_forms(bids: Bids) -> dict[int, dict[str, Any]]:
    """{bid id: its opened business form}. One query."""
    rows = OpenedEnvelope.objects.filter(
        sealed__version__bid__in=bids, sealed__envelope=Envelope.BUSINESS, outcome=Outcome.OPENED
    ).order_by("sealed__version__number")
    return {pk: form for pk, form in rows.values_list("sealed__version__bid_id", "form") if form}


def taking_part(bids: Bids) -> dict[int, dict[str, str]]:
    """{bid id: {USCC: name}} of every member that a bid has or had. Two queries.

    Who left stays: it helped to write the bid, and a change heals nothing.
    """
    found = {
        pk: {str(row["uscc"]): str(row["name"]) for row in form.get("consortium") or []}
        for pk, form in business_forms(bids).items()
    }
    rows = ConsortiumMember.objects.filter(bid__in=bids, lead=False).order_by("pk")
    for pk, uscc, name in rows.values_list("bid_id", "uscc", "name"):
        found.setdefault(pk, {})[uscc] = name
    return found


def standing_members(bids: Bids) -> dict[int, list[ConsortiumMember]]:
    """{bid id: the members of the last generation, the lead first}. One query."""
    newest: dict[int, list[ConsortiumMember]] = {}
    rows = ConsortiumMember.objects.filter(bid__in=bids)
    for row in rows.order_by("bid_id", "-generation", "-lead", "pk"):
        standing = newest.setdefault(row.bid_id, [])
        if not standing or standing[0].generation == row.generation:
            standing.append(row)
    return newest


def as_it_stands(forms: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """{bid id: business form} with the consortium as it was changed since the opening. One query."""
    changed = {pk: rows for pk, rows in standing_members(list(forms)).items() if rows[0].generation}
    return {
        pk: form
        | {"consortium": [as_row(row) for row in changed[pk][1:]]}
        | of_lead(changed[pk][0])
        if pk in changed
        else form
        for pk, form in forms.items()
    }


def as_row(member: ConsortiumMember) -> dict[str, str]:
    return {
        "name": member.name,
        "uscc": member.uscc,
        "work": member.work,
        "share_percent": f"{member.share_percent:.2f}",
    }


def of_lead(member: ConsortiumMember) -> dict[str, str]:
    return {"lead_work": member.work, "lead_share_percent": f"{member.share_percent:.2f}"}


def members_of(actor: Actor, bid: Bid) -> list[ConsortiumMember]:
    """The standing members as this actor may see them, the lead first."""
    if not ConsortiumMember.objects.visible_to(actor).filter(bid=bid).exists():
        return []
    return standing_members([bid])[bid.pk]


def changes_of(actor: Actor, bid: Bid) -> list[ConsortiumChange]:
    """Newest first."""
    rows = ConsortiumChange.objects.visible_to(actor).filter(bid=bid)
    return list(rows.select_related("decided_by").order_by("-pk"))
