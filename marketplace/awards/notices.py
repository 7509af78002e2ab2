"""The outcome is told to those who took part: the bidders that were opened, and the owner."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.bidding.models import Bid
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.notices import scenarios, title, writers


def those_concerned(event: Event) -> QuerySet[User]:
    # A blind code is given at the opening, so a bid without one was never opened.
    opened = Bid.objects.filter(scenario__uid=event.subjects[-1]).exclude(blind_code="")
    return writers(
        Q(organisation__in=opened.values("organisation_id"))
        | Q(organisation__scenarios__uid=event.subjects[-1])
    )


def publicity_url(scenario: Scenario) -> str:
    return reverse("publicity", args=[scenario.address])


for _kind, _sentence in {
    "award.publicised": _("The decision on “%(title)s” is in publicity"),
    "award.confirmed": _("The award for “%(title)s” was confirmed"),
}.items():
    register(
        _kind,
        audience=those_concerned,
        subjects=scenarios,
        sentence=_sentence,
        title=title,
        url=publicity_url,
        group=Group.AWARDS,
    )
