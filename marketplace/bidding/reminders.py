"""Bidders of their deadline, key holders of an opening, the secretary of the eligibility check.

Before the deadline nobody but a bidder's own people is told anything that hangs on a bid.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability, Grant, Membership
from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.bidding.models import Bid, BidState, BidVersion, Opening, OpeningState
from marketplace.bidding.notices import openings
from marketplace.bidding.returns.queries import ENDS, RETURN_DAYS, uncertified
from marketplace.notices.channels import Group
from marketplace.notices.reminders import (
    Due,
    People,
    Told,
    after,
    before,
    on_the_day,
    remind,
)
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.notices import WRITERS, scenarios, title, url
from marketplace.scenarios.reminders import due_by, of, office, since

CONFIRM_DAYS = 1
ELIGIBILITY_DAYS = 5
# Who has only just sent or withdrawn a bid knows the deadline.
FRESH = timedelta(days=1)


def bidding(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Scenario.objects.filter(
        of("uid", among),
        state=State.PUBLISHED,
        deadline_at__gt=now,
        suspended=False,
        bids__isnull=False,
    )
    for uid, published_at, deadline_at in rows.distinct().values_list(
        "uid", "published_at", "deadline_at"
    ):
        assert published_at is not None, "what is open was published"
        assert deadline_at is not None, "and has a deadline"
        yield Due(uid, published_at, deadline_at)


def bidders(state: str) -> People:
    """Owners and editors of those whose own bid stands so."""

    def people(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
        fresh = BidVersion.objects.filter(received_at__gt=clock.now() - FRESH)
        bids = Bid.objects.filter(scenario__uid__in=uids, state=state)
        bids = bids.exclude(pk__in=fresh.values("bid"))
        members = Membership.objects.filter(role__in=WRITERS, organisation__bids__in=bids)
        return members.values_list("organisation__bids__scenario__uid", "user_id").filter(
            organisation__bids__scenario__uid__in=uids
        )

    return people


remind(
    "deadline",
    waiting=bidding,
    subjects=scenarios,
    title=title,
    url=url,
    told=[
        Told(
            bidders(BidState.SUBMITTED),
            _("Your bid for “%(title)s” can be revised until %(at)s"),
            (before(days=3), before(days=1), on_the_day()),
        ),
        Told(
            bidders(BidState.WITHDRAWN),
            _("You withdrew your bid for “%(title)s”; another can be submitted until %(at)s"),
            (before(days=3), before(days=1), on_the_day()),
            name="withdrawn",
        ),
    ],
)


def unconfirmed(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Opening.objects.filter(
        of("uid", among), state=OpeningState.WAITING, scenario__suspended=False
    )
    for row in rows.select_related("scenario__profile"):
        profile, asked_at = row.scenario.profile, row.created_at
        yield Due(row.uid, asked_at, due_by(profile, "opening_confirm_max", CONFIRM_DAYS, asked_at))


def holders_awaited(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    """Key holders in office who have not confirmed these openings."""
    of_scenario: dict[UUID, list[UUID]] = {}
    done = set()
    for uid, scenario_uid, user_id in Opening.objects.filter(uid__in=uids).values_list(
        "uid", "scenario__uid", "confirmations__user_id"
    ):
        of_scenario.setdefault(scenario_uid, []).append(uid)
        done.add((uid, user_id))
    grants = Grant.objects.in_force().filter(
        capability=Capability.KEY_HOLDER, subject_uid__in=of_scenario, user__isnull=False
    )
    pairs = {
        (uid, user_id)
        for scenario_uid, user_id in grants.values_list("subject_uid", "user_id")
        for uid in of_scenario[scenario_uid]
    }
    return pairs - done


remind(
    "opening",
    waiting=unconfirmed,
    subjects=openings,
    title=lambda opening: title(opening.scenario),
    url=lambda opening: reverse("opening", args=[opening.scenario.address]),
    group=Group.OPENINGS,
    told=[
        Told(
            holders_awaited,
            _("The opening of the bids for “%(title)s” still waits for your confirmation"),
            (on_the_day(), after(days=1), after(days=3)),
        ),
        Told(
            office(Role.OFFICER),
            _("The opening of the bids for “%(title)s” is not confirmed; it was due %(at)s"),
            (after(), after(days=2)),
            name="late",
        ),
    ],
)


def unchecked(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Scenario.objects.filter(
        of("uid", among), state__in=[State.OPENED, State.ELIGIBILITY], suspended=False
    ).select_related("profile")
    profiles = {row.uid: row.profile for row in rows}
    for uid, at in since(profiles, ["opening.finished", "eligibility.started"]).items():
        yield Due(uid, at, due_by(profiles[uid], "eligibility_max", ELIGIBILITY_DAYS, at))


remind(
    "eligibility",
    waiting=unchecked,
    subjects=scenarios,
    title=title,
    url=lambda scenario: reverse("eligibility", args=[scenario.address]),
    told=[
        Told(
            office(Role.SECRETARY),
            _("The eligibility check for “%(title)s” is due %(at)s"),
            (before(days=1), on_the_day(), after(days=1)),
        ),
        Told(
            office(Role.OFFICER),
            _("The eligibility check for “%(title)s” is overdue since %(at)s"),
            (after(days=2),),
            name="late",
        ),
    ],
)


def unreturned(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Scenario.objects.filter(of("uid", among), pk__in=uncertified().values("scenario"))
    profiles = {row.uid: row.profile for row in rows.select_related("profile")}
    for uid, at in since(profiles, ENDS).items():
        yield Due(uid, at, due_by(profiles[uid], "return_max", RETURN_DAYS, at))


remind(
    "return",
    waiting=unreturned,
    subjects=scenarios,
    title=title,
    url=lambda scenario: reverse("returns", args=[scenario.address]),
    told=[
        Told(
            office(Role.OFFICER),
            _("The bids for “%(title)s” that did not win are to be returned, due %(at)s"),
            (before(days=7), on_the_day(), after(days=3)),
        )
    ],
)
