"""Key holders are told that an opening waits, bidders what becomes of their bids.

Officers are told of a consortium that asks for other members. Nobody else learns of any bid.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Membership, User
from marketplace.accounts.queries import key_holders
from marketplace.base.actor import Actor, Role
from marketplace.bidding.consortia.models import ConsortiumChange
from marketplace.bidding.models import Bid, BidState, OpenedEnvelope, Opening
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.amendments.notices import page_of as amended_page
from marketplace.scenarios.notices import (
    by_outage,
    scenarios,
    seen_by_any,
    title,
    url,
    writers,
)
from marketplace.scenarios.questions.notices import answers, awaiting, page_of


def openings(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Opening, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def holders(event: Event) -> QuerySet[User]:
    scenario_uid, _opening_uid = event.subjects
    return key_holders(scenario_uid)


register(
    "opening.requested",
    audience=holders,
    subjects=openings,
    sentence=_("The opening of the bids for “%(title)s” waits for your confirmation"),
    title=lambda opening: title(opening.scenario),
    url=lambda opening: reverse("opening", args=[opening.scenario.address]),
    group=Group.OPENINGS,
)


def officers(_event: Event) -> QuerySet[User]:
    office = Membership.objects.filter(role=Role.OFFICER, organisation__is_office=True)
    return User.objects.filter(pk__in=office.values("user_id"))


def officers_and_holders(event: Event) -> QuerySet[User]:
    """Whoever is said to have lost a key can still confirm with it."""
    people = officers(event).values("pk")
    keys = key_holders(event.subjects[0]).values("pk")
    told = User.objects.filter(Q(pk__in=people) | Q(pk__in=keys))
    assert event.actor_uid is not None, "a person declared it"
    return told.exclude(uid=event.actor_uid)


def those_of_the_opening(event: Event) -> QuerySet[User]:
    """Office, key holders, the owner's writers and those of every bid that stood."""
    uid = event.subjects[-1]
    bids = Bid.objects.filter(scenario__uid=uid).exclude(state=BidState.WITHDRAWN)
    owner = writers(Q(organisation__scenarios__uid=uid)).values("pk")
    bidding = writers(Q(organisation__bids__in=bids)).values("pk")
    keys = key_holders(uid).values("pk")
    told = Q(pk__in=owner) | Q(pk__in=bidding) | Q(pk__in=keys)
    return User.objects.filter(told | Q(pk__in=officers(event).values("pk")))


for _kind, _people, _words in [
    (
        "opening.failure_declared",
        officers_and_holders,
        _("An officer says that the bids for “%(title)s” can never be opened"),
    ),
    (
        "opening.stuck",
        officers,
        _("The opening of the bids for “%(title)s” is held up by a fault of this platform"),
    ),
]:
    register(
        _kind,
        audience=_people,
        subjects=openings,
        sentence=_words,
        title=lambda opening: title(opening.scenario),
        url=lambda opening: reverse("opening", args=[opening.scenario.address]),
        group=Group.OPENINGS,
    )
register(
    "opening.failed",
    audience=those_of_the_opening,
    subjects=scenarios,
    sentence=_(
        "The bids for “%(title)s” can never be opened: keys are lost, no bidder is at fault"
    ),
    title=title,
    url=lambda scenario: reverse("opening", args=[scenario.address]),
    group=Group.OPENINGS,
)


def bidders(event: Event) -> QuerySet[User]:
    """Those who write for an organisation that has bid, also one that has withdrawn."""
    return writers(Q(organisation__bids__scenario__uid=event.subjects[-1]))


def moved_by_outage(event: Event) -> QuerySet[User]:
    return bidders(event) if by_outage(event) else User.objects.none()


def moved_otherwise(event: Event) -> QuerySet[User]:
    return User.objects.none() if by_outage(event) else bidders(event)


# Each learns of it in its own inbox alone; jobs of this kind are counted nowhere.
for _name, _told, _moved in [
    (
        "bidders.deadline_extended",
        moved_by_outage,
        _(
            "An outage moved the deadline of “%(title)s”: your bid can be submitted or revised"
            " longer"
        ),
    ),
    (
        "bidders.deadline_moved",
        moved_otherwise,
        _("The deadline of “%(title)s” moved: your bid can be submitted or revised longer"),
    ),
]:
    register(
        _name,
        event_kind="scenario.deadline_extended",
        audience=_told,
        subjects=scenarios,
        sentence=_moved,
        title=title,
        url=url,
        group=Group.OPENINGS,
    )


def bidders_not_asking(event: Event) -> QuerySet[User]:
    """Those who have bid and learn of the answer in no other way; only where they may read it."""
    found = writers(Q(organisation__bids__scenario__uid=event.subjects[0]))
    return found.exclude(pk__in=awaiting(event).values("pk"))


register(
    "bidders.question_answered",
    event_kind="question.answered",
    audience=bidders_not_asking,
    subjects=answers,
    sentence=_("A question about “%(title)s” was answered: see whether your bid stands as it is"),
    title=lambda answer: title(answer.scenario),
    url=lambda answer: page_of(answer.scenario),
    group=Group.OPENINGS,
)


for _name, _kind_of, _still in [
    (
        "bidders.suspended",
        "scenario.suspended",
        _("The demand “%(title)s” was suspended: your bid stands, and the deadline waits"),
    ),
    (
        "bidders.resumed",
        "scenario.resumed",
        _("The demand “%(title)s” goes on: your bid can be revised until the moved deadline"),
    ),
]:
    register(
        _name,
        event_kind=_kind_of,
        audience=bidders,
        subjects=scenarios,
        sentence=_still,
        title=title,
        url=url,
        group=Group.OPENINGS,
    )
register(
    "bidders.amended",
    event_kind="scenario.amended",
    audience=bidders,
    subjects=scenarios,
    sentence=_(
        "The demand “%(title)s” was amended: your bid stands, see whether you want to revise it"
    ),
    title=title,
    url=amended_page,
    group=Group.OPENINGS,
)


def sealed_bidders(event: Event) -> QuerySet[User]:
    """Those who write for a bid that stood when the listing failed, where nothing was opened."""
    uid = event.subjects[-1]
    if Event.objects.filter(kind="opening.failed", subjects__contains=[uid]).exists():
        return User.objects.none()  # `opening.failed` tells them why
    if OpenedEnvelope.objects.filter(sealed__version__bid__scenario__uid=uid).exists():
        return User.objects.none()
    standing = Bid.objects.filter(scenario__uid=uid).exclude(state=BidState.WITHDRAWN)
    return writers(Q(organisation__bids__in=standing))


register(
    "bidders.listing_failed",
    event_kind="scenario.failed",
    audience=sealed_bidders,
    subjects=scenarios,
    sentence=_("The listing of “%(title)s” failed: no bid was opened, and your bid stays sealed"),
    title=title,
    url=url,
    group=Group.OPENINGS,
)


def bids(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(Bid, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def bid_writers(event: Event) -> QuerySet[User]:
    _scenario_uid, bid_uid, *_rest = event.subjects
    return writers(Q(organisation__bids__uid=bid_uid))


register(
    "return.certified",
    audience=bid_writers,
    subjects=bids,
    sentence=_("What became of the contents of your bid for “%(title)s” was certified"),
    title=lambda bid: title(bid.scenario),
    url=lambda bid: reverse("bid", args=[bid.uid]),
    group=Group.OPENINGS,
)


def changes(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(ConsortiumChange, actors, uids).select_related("bid__scenario")
    return {row.uid: row for row in rows}


for _kind, _audience, _sentence in [
    (
        "consortium.change_requested",
        officers,
        _("A consortium that bid for “%(title)s” asks for other members"),
    ),
    (
        "consortium.changed",
        bid_writers,
        _("The change of your consortium for “%(title)s” was approved"),
    ),
    (
        "consortium.change_refused",
        bid_writers,
        _("The change of your consortium for “%(title)s” was refused"),
    ),
]:
    register(
        _kind,
        audience=_audience,
        subjects=changes,
        sentence=_sentence,
        title=lambda change: title(change.bid.scenario),
        url=lambda change: reverse("bid", args=[change.bid.uid]),
        group=Group.OPENINGS,
    )
