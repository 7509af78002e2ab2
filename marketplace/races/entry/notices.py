"""The course of an entry is told to those who bid and to the owner; then to those in the race."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.bidding.models import Bid
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.races.models import Entrant
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.notices import scenarios, title, writers


def bidders(event: Event) -> QuerySet[User]:
    """Everybody whose bid was opened, and the owner: the shortlist concerns them all."""
    opened = Bid.objects.filter(scenario__uid=event.subjects[-1]).exclude(blind_code="")
    return writers(
        Q(organisation__in=opened.values("organisation_id"))
        | Q(organisation__scenarios__uid=event.subjects[-1])
    )


def entered(event: Event) -> QuerySet[User]:
    """The owner and who is in the race, or was until this event."""
    rows = Entrant.objects.filter(race__scenario__uid=event.subjects[-1])
    rows = rows.exclude(ended_at__lt=event.at)
    return writers(
        Q(organisation__in=rows.values("organisation_id"))
        | Q(organisation__scenarios__uid=event.subjects[-1])
    )


def race_url(scenario: Scenario) -> str:
    return reverse("race", args=[scenario.address])


for _kind, _told, _sentence in [
    (
        "race.shortlist_publicised",
        bidders,
        _("The shortlist for the race of “%(title)s” is in publicity"),
    ),
    ("race.agreements_offered", entered, _("The race agreements for “%(title)s” can be accepted")),
    ("race.started", entered, _("The first heat of “%(title)s” is open")),
    ("race.voided", entered, _("The race of “%(title)s” is void: fewer than two vendors entered")),
]:
    register(
        _kind,
        audience=_told,
        subjects=scenarios,
        sentence=_sentence,
        title=title,
        url=race_url,
        group=Group.AWARDS,
    )
