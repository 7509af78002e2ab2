"""What a bidder needs to check and seal a bid on a machine of its own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import stamp
from marketplace.base.errors import StateConflict
from marketplace.base.rules import require
from marketplace.bidding.anonymity import telling_names
from marketplace.bidding.demand_schema import demand_schema
from marketplace.bidding.forms_schema import FILE_NAME_MAX, FILES_MAX, demands_of
from marketplace.bidding.rules import can_bid
from marketplace.files.limits import CHUNK_MOST, LIMITS, Purpose
from marketplace.ledger import receipts
from marketplace.ledger.log.queries import newest_vkey
from marketplace.ledger.models import Event
from marketplace.scenarios.models import EnvelopeKey, Scenario
from marketplace.scenarios.queries import closes_at

FORMAT = "jiebang-sealing/1"


def sealing_sheet(actor: Actor, scenario: Scenario) -> dict[str, Any]:
    """Recipients, schema, limits and the publication's entry in the log, ready for JSON.

    Nothing of it is secret but `names`, which are the reader's own. `publication` is None until the
    log has sealed it. Raises NotAllowed, and StateConflict where no bids are taken at all.
    """
    require(can_bid, actor, scenario, unpledged=True)
    recipients = dict(
        EnvelopeKey.objects.filter(scenario=scenario).values_list("envelope", "recipient")
    )
    if not recipients or scenario.deadline_at is None:
        raise StateConflict(
            _("No bids are taken for this demand, so there is nothing to seal for."),
            code="scenario.no_recipients",
        )
    organisation = actor.party
    demands = demands_of(scenario, organisation)
    return {
        "format": FORMAT,
        "scenario": str(scenario.uid),
        "ref": scenario.ref,
        "title": scenario.title,
        "title_en": scenario.title_en,
        "organisation": str(organisation.uid),
        "deadline_at": stamp(scenario.deadline_at),
        "bytes_until": stamp(closes_at(scenario) or scenario.deadline_at),
        "now": stamp(clock.now()),
        "recipients": recipients,
        "schema": demand_schema(demands),
        # What a schema cannot say: 0 < total <= budget, the nodes add up to the total, and neither
        # the bidder (by this USCC) nor another member is named twice in a consortium.
        "rules": {"budget_cny": f"{demands.budget_cny:.2f}", "uscc": organisation.uscc},
        "names": telling_names(organisation, {}),
        "limits": {
            "files": FILES_MAX,
            "file_name": FILE_NAME_MAX,
            "envelope_bytes": LIMITS[Purpose.SEALED].bytes_most,
            "chunk_bytes": CHUNK_MOST,
        },
        "publication": published_entry(scenario),
        "key": newest_vkey(),
    }


def published_entry(scenario: Scenario) -> dict[str, Any] | None:
    """The readable leaf that names the recipients, and its proof under the newest checkpoint."""
    events = Event.objects.filter(kind="scenario.published", subjects__contains=[scenario.uid])
    event = events.order_by("id").last()
    return receipts.proof(event) if event else None
