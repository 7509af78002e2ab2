"""The office certifies what became of the bids that did not win."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.bidding.models import Bid, OpenedFile, SealedEnvelope
from marketplace.bidding.returns.models import ReturnCertificate, ReturnKind
from marketplace.bidding.returns.queries import ended_at, retained_until, to_return
from marketplace.bidding.rules import can_certify_return
from marketplace.files import storage
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario

RECEIPT = "return-certificate"
STATEMENTS = {
    ReturnKind.RETURNED: {
        "zh": "揭榜文件的内容已退还揭榜方；自本证明起，组织方与需求方不再查阅、使用。",
        "en": "The contents of the bid were returned. From this certificate on neither the office"
        " nor the demand's owner reads or uses them.",
    },
    ReturnKind.BLOCKED: {
        "zh": "揭榜文件的内容依规则留存，停止使用；自本证明起，组织方与需求方不再查阅、使用。",
        "en": "The contents of the bid are kept as the rules ask, and closed to use. From this"
        " certificate on neither the office nor the demand's owner reads or uses them.",
    },
    ReturnKind.DESTROYED: {
        "zh": "所列附件与密封信封已从平台存储中销毁；接收记录、散列值、回执与评审所依表单作为程序档案"
        "保留，停止使用。此前的备份按备份期限到期销毁。",
        "en": "The files and sealed envelopes listed were destroyed in the platform's storage."
        " What was received and when, hashes, receipts, and the forms that were reviewed stay as"
        " the record of the procedure, closed to use. Earlier backups go as they expire.",
    },
}


@transaction.atomic
def certify_return(*, actor: Actor, bid_uid: UUID, kind: str, note: str = "") -> ReturnCertificate:
    """Sign what was done with the contents of a bid that did not win; `destroyed` does it.

    Raises Invalid for an unknown kind, StateConflict while the award is open, for a winner, for
    what is certified already, and for destruction before the rules allow it. With StorageAway
    nothing is certified; what was removed by then stays removed, and doing it again goes on.
    """
    found = Bid.objects.visible_to(actor).filter(uid=bid_uid).values("scenario_id").first()
    if found is None:
        raise NotFound
    scenario = lock_shared(Scenario, pk=found["scenario_id"])
    bid = lock(Bid, uid=bid_uid)
    require(can_certify_return, actor, bid)
    if kind not in ReturnKind.values:
        raise Invalid(errors={"kind": [_("Choose what became of the contents.")]})
    if not Bid.objects.filter(to_return(), pk=bid.pk).exists():
        raise StateConflict(
            _("Bids that did not win are returned once the award is confirmed or has failed."),
            code="return.state",
        )
    given = set(bid.returns.values_list("kind", flat=True))
    if kind in given or ReturnKind.DESTROYED in given:
        raise StateConflict(_("This is certified already."), code="return.certified")
    now = clock.now()
    until = retained_until(scenario, ended_at(scenario) or now)
    if kind == ReturnKind.DESTROYED and until is not None and now < until:
        raise StateConflict(
            _("The rules of this demand keep bids until %(date)s; close them to use instead."),
            code="return.retained",
            date=f"{until.astimezone(clock.SHANGHAI):%Y-%m-%d}",
        )
    files = contents_of(bid)
    body = {
        "scenario": scenario.uid,
        "scenario_ref": scenario.ref,
        "title": scenario.title,
        "bid": bid.uid,
        "organisation": bid.organisation.uid,
        "name": bid.organisation.name,
        "uscc": bid.organisation.uscc,
        "kind": kind,
        "note": note.strip(),
        "certified_at": now,
        "retain_until": until,
        "contents": [{n: v for n, v in row.items() if n != "stored_name"} for row in files],
        "statement": STATEMENTS[ReturnKind(kind)],
    }
    event = ledger.append(
        "return.certified",
        actor=actor,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        reason=note.strip(),
        inputs=body,
        data={"kind": kind},
    )
    certificate = ReturnCertificate.objects.create(
        bid=bid,
        kind=kind,
        note=note.strip(),
        certified_by=actor.person,
        certified_at=now,
        retain_until=until,
        receipt=receipts.issue(RECEIPT, subject_uid=bid.uid, body=body, event=event),
    )
    if kind == ReturnKind.DESTROYED:
        # Last, and before the commit: no certificate says so while a byte is still there.
        for row in files:
            storage.discard(row["stored_name"])
    return certificate


def contents_of(bid: Bid) -> list[dict[str, Any]]:
    """Every sealed envelope of every version, and what was inside: names stay out of the paper."""
    sealed = SealedEnvelope.objects.filter(version__bid=bid).select_related("version")
    opened = OpenedFile.objects.filter(envelope__sealed__version__bid=bid)
    told = [
        {
            "what": f"sealed/{row.envelope}/{row.version.number}",
            "sha256": row.sha256,
            "size": row.size,
            "stored_name": row.stored_name,
        }
        for row in sealed.order_by("pk")
    ]
    return told + [
        {
            "what": f"file/{row.envelope.sealed.envelope}",
            "sha256": row.sha256,
            "size": row.size,
            "stored_name": row.stored_name,
        }
        for row in opened.select_related("envelope__sealed").order_by("pk")
    ]
