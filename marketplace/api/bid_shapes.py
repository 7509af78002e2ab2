"""How bids are told: rows, one in full, packages and receipts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request

from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Party, Shape, Subject, actions, instant, text
from marketplace.api.views import absolute
from marketplace.awards.queries import own_result
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.bidding import queries
from marketplace.bidding.consortia.models import ChangeState, ConsortiumChange, ConsortiumMember
from marketplace.bidding.consortia.queries import as_row, changes_of, members_of
from marketplace.bidding.models import (
    AFTER_SCORING,
    Bid,
    BidState,
    Outcome,
    SealedPackage,
    Verdict,
    VersionKind,
)
from marketplace.committee.queries import CriterionFeedback
from marketplace.desk import moves
from marketplace.desk.queries import desk_for
from marketplace.files.access import record_access
from marketplace.ledger import receipts
from marketplace.ledger.models import Receipt
from marketplace.scenarios.models import Envelope, Scenario


class BidRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    organisation = Party(help_text="The bidder.")
    state = s.ChoiceField(BidState.choices)
    versions_count = s.IntegerField()
    blind_code = text("Under which the panel scored; empty until nobody scores any more.")
    price_cny = s.DecimalField(14, 2, allow_null=True, help_text="Once prices are opened.")
    links = Links()
    actions = actions()


class EnvelopeSerializer(Shape):
    envelope = s.ChoiceField(Envelope.choices)
    sha256 = text("Of the sealed bytes.")
    size = s.IntegerField(help_text="Bytes, padded.")


class VersionSerializer(Shape):
    uid = s.UUIDField()
    number = s.IntegerField()
    kind = s.ChoiceField(VersionKind.choices)
    received_at = instant()
    envelopes = EnvelopeSerializer(many=True)
    receipt = s.URLField(help_text="The signed receipt.")


class OpenedFileSerializer(Shape):
    uid = s.UUIDField()
    name = text()
    size = s.IntegerField()
    sha256 = text()
    href = s.URLField()


class OpenedSerializer(Shape):
    envelope = s.ChoiceField(Envelope.choices)
    outcome = s.ChoiceField(Outcome.choices)
    reason = text("Why it could not be opened, as a code.")
    form = Free(allow_null=True)
    files = OpenedFileSerializer(many=True)


class VerdictSerializer(Shape):
    condition = text("Its code.")
    verdict = s.ChoiceField(Verdict.choices)
    reason = text()
    checked_at = instant()


class CriterionResult(Shape):
    """The own bid's points; nothing of another's."""

    code = text()
    name = text()
    weight = text("The full points, a decimal as text.")
    points = text("The mean of the judges' points.")
    median = text("The median of the judges' points.")
    vetoes = s.IntegerField()
    reasons = s.ListField(child=s.CharField())


class ResultSerializer(Shape):
    state = s.ChoiceField(BidState.choices)
    place = s.IntegerField(allow_null=True)
    technical = s.CharField(allow_null=True)
    team = s.CharField(allow_null=True)
    price = s.CharField(allow_null=True)
    total = s.CharField(allow_null=True)
    reasons = s.ListField(child=s.CharField())
    criteria = CriterionResult(many=True)


class MemberShape(Shape):
    lead = s.BooleanField()
    name = text()
    uscc = text()
    work = text()
    share_percent = text("Of the whole consortium, which is 100.")


class ChangeShape(Shape):
    uid = s.UUIDField()
    state = text("requested, approved or refused.")
    members = Free(help_text="As they are to be, the lead first.")
    reason = text()
    agreement_name = text()
    agreement_sha256 = text()
    requested_at = instant()
    decided_at = instant(null=True)
    decision_reason = text()


class BidDetail(BidRow):
    consortium = MemberShape(many=True, help_text="As it stands; empty for who bids alone.")
    consortium_changes = ChangeShape(many=True, help_text="Newest first.")
    void_reason = text()
    versions = VersionSerializer(many=True, help_text="Newest first.")
    contents = OpenedSerializer(many=True, help_text="What this reader may read of it.")
    verdicts = VerdictSerializer(many=True, help_text="One per listed condition, the last one.")
    result = ResultSerializer(allow_null=True, help_text="The bidder's own, once it may be told.")


class PackageShape(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    envelopes = EnvelopeSerializer(many=True)
    created_at = instant()
    bid = s.URLField(allow_null=True, help_text="Of which it became a version.")
    links = Links()
    actions = actions()


class RecipientsShape(Shape):
    business = text("An age recipient, age1….")
    technical = text()
    price = text()


class SchemasShape(Shape):
    business = Free(help_text="A JSON Schema (2020-12) that stands for itself.")
    technical = Free()
    price = Free()


class RulesShape(Shape):
    budget_cny = text("The total is more than zero and at most this; the nodes add up to it.")
    uscc = text("The bidder's own: no member of a consortium may have it, nor two the same.")


class SealingLimits(Shape):
    files = s.IntegerField(help_text="Of one envelope.")
    file_name = s.IntegerField(help_text="Characters.")
    envelope_bytes = s.IntegerField(help_text="Of one sealed envelope.")
    chunk_bytes = s.IntegerField(help_text="Of one piece of an upload.")


class PublicationEntry(Shape):
    leaf = text("The readable entry, RFC 8785, in base64; its data name the recipients.")
    index = s.IntegerField()
    size = s.IntegerField(help_text="Of the tree.")
    hashes = s.ListField(child=s.CharField(), help_text="From the leaf's side up, in base64.")
    checkpoint = text("The signed note (C2SP).")


class SheetShape(Shape):
    format = text("jiebang-sealing/1")
    scenario = s.UUIDField()
    ref = text()
    title = text()
    title_en = text()
    organisation = s.UUIDField(help_text="The bidder's.")
    deadline_at = instant()
    bytes_until = instant("Until then come bytes whose hashes were committed before the deadline.")
    now = instant()
    recipients = RecipientsShape()
    schema = SchemasShape()
    rules = RulesShape(help_text="What a schema cannot say.")
    names = s.ListField(
        child=s.CharField(), help_text="Which the anonymous technical envelope must not contain."
    )
    limits = SealingLimits()
    publication = PublicationEntry(allow_null=True, help_text="Null until the log has sealed it.")
    key = text("The log's verifier key as published; compare it with one that came another way.")


class EventShape(Shape):
    body = text("RFC 8785 JSON, in base64.")
    salt = text("In base64.")


class InclusionShape(Shape):
    index = s.IntegerField(help_text="Of the leaf, from 0.")
    size = s.IntegerField(help_text="Of the tree.")
    hashes = s.ListField(child=s.CharField(), help_text="From the leaf's side up, in base64.")
    checkpoint = text("The signed note (C2SP).")


class ReceiptShape(Shape):
    receipt = Free(help_text="What was signed, to read.")
    signed_text = text("The same letter by letter, in base64.")
    signature = text("In base64.")
    key_id = text()
    algorithm = text("Of the signature.")
    public_key = text("In base64; compare it with the published key.")
    event = EventShape(
        allow_null=True,
        help_text="The event that records it, whose leaf the receipt promises; null before the log.",
    )
    inclusion = InclusionShape(
        allow_null=True, help_text="Its proof under the newest checkpoint; null until it is sealed."
    )


def receipt_told(receipt: Receipt) -> dict[str, Any]:
    """The file itself, with nulls where a receipt from before the log has nothing to say."""
    return {"event": None, "inclusion": None} | receipts.document(receipt)


def rows(request: Request, actor: Actor) -> tuple[Any, Callable[[list[Bid]], list[dict]]]:
    """The bids that the actor may see, and how a page of them is told. Five queries more at most."""
    found = Bid.objects.visible_to(actor).select_related("scenario__profile", "organisation")

    def shape(page: list[Bid]) -> list[dict[str, Any]]:
        desk = desk_for(actor)
        return [row_shape(request, row, desk) for row in page]

    return found, shape


def row_shape(request: Request, bid: Bid, desk: Any) -> dict[str, Any]:
    names = moves.on_bid(
        desk, organisation_id=bid.organisation_id, state=bid.state, scenario=bid.scenario
    )
    return {
        "uid": str(bid.uid),
        "scenario": subject(request, bid.scenario),
        "organisation": party(bid.organisation),
        "state": bid.state,
        "versions_count": bid.versions_count,
        "blind_code": bid.blind_code if bid.scenario.state in AFTER_SCORING else "",
        "price_cny": said(bid.price_cny),
        "links": {
            "self": absolute(request, "api-bid", bid.uid),
            "html": absolute(request, "bid", bid.uid),
        },
        "actions": told(request, names, bid.uid),
    }


def subject(request: Request, scenario: Scenario) -> dict[str, Any]:
    return {
        "uid": str(scenario.uid),
        "ref": scenario.ref,
        "title": scenario.title,
        "title_en": scenario.title_en,
        "href": absolute(request, "api-scenario", scenario.uid),
    }


def party(organisation: Any) -> dict[str, str]:
    return {
        "uid": str(organisation.uid),
        "name": organisation.name,
        "name_en": organisation.name_en,
    }


def detail(request: Request, actor: Actor, uid: UUID) -> dict[str, Any]:
    found = Bid.objects.visible_to(actor).select_related("scenario__profile", "organisation")
    bid = found.filter(uid=uid).first()
    if bid is None:
        raise NotFound
    contents = queries.opened_contents(actor, bid)
    if contents and bid.organisation_id != actor.organisation_id:
        record_access(actor=actor, subject_uid=uid, what="bid.read")
    desk = desk_for(actor)
    row = row_shape(request, bid, desk)
    members, changes = members_of(actor, bid), changes_of(actor, bid)
    if members:
        waits = any(change.state == ChangeState.REQUESTED for change in changes)
        row["actions"] += told(request, moves.on_consortium(desk, bid, waits=waits), uid)
    return row | {
        "void_reason": bid.void_reason,
        "versions": [version_shape(request, row) for row in queries.versions_of(actor, bid)],
        "contents": [opened_shape(request, row) for row in contents],
        "consortium": [member_shape(row) for row in members],
        "consortium_changes": [change_shape(row) for row in changes],
        "verdicts": verdicts(bid),
        "result": result(actor, bid),
    }


def member_shape(row: ConsortiumMember) -> dict[str, Any]:
    return {"lead": row.lead, **as_row(row)}


def change_shape(row: ConsortiumChange) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        "state": row.state,
        "members": row.members,
        "reason": row.reason,
        "agreement_name": row.agreement_name,
        "agreement_sha256": row.agreement_sha256,
        "requested_at": said(row.requested_at),
        "decided_at": said(row.decided_at),
        "decision_reason": row.decision_reason,
    }


def version_shape(request: Request, version: Any) -> dict[str, Any]:
    return {
        "uid": str(version.uid),
        "number": version.number,
        "kind": version.kind,
        "received_at": said(version.received_at),
        "envelopes": [
            {"envelope": row.envelope, "sha256": row.sha256, "size": row.size}
            for row in version.envelopes.all()
        ],
        "receipt": absolute(request, "api-receipt", version.receipt.uid),
    }


def opened_shape(request: Request, row: Any) -> dict[str, Any]:
    return {
        "envelope": row.sealed.envelope,
        "outcome": row.blamed,
        "reason": row.reason,
        "form": row.form,
        "files": [
            {
                "uid": str(file.uid),
                "name": file.name,
                "size": file.size,
                "sha256": file.sha256,
                "href": absolute(request, "opened-file", file.uid),
            }
            for file in row.files.all()
        ],
    }


def verdicts(bid: Bid) -> list[dict[str, Any]]:
    given = queries.standing_verdicts([bid])
    conditions = bid.scenario.conditions.order_by("position", "pk")
    return [
        {
            "condition": condition.code,
            "verdict": check.verdict,
            "reason": check.reason,
            "checked_at": said(check.checked_at),
        }
        for condition in conditions
        if (check := given.get((bid.pk, condition.pk)))
    ]


def result(actor: Actor, bid: Bid) -> dict[str, Any] | None:
    try:
        own = own_result(actor, bid)
    except NotFound:
        return None
    scores = {name: said(getattr(own, name)) for name in ("technical", "team", "price", "total")}
    return {
        "state": own.state,
        "place": own.place,
        **scores,
        "reasons": own.reasons,
        "criteria": [criterion_told(row) for row in own.criteria],
    }


def criterion_told(row: CriterionFeedback) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "weight": row.weight,
        "points": said(row.points),
        "median": said(row.median),
        "vetoes": row.vetoes,
        "reasons": row.reasons,
    }


def package_shape(request: Request, package: SealedPackage) -> dict[str, Any]:
    bid = package.version.bid if package.version else None
    names = [] if bid else ["submit_package"]
    return {
        "uid": str(package.uid),
        "scenario": subject(request, package.scenario),
        "envelopes": [
            {name: row[name] for name in ("envelope", "sha256", "size")}
            for row in package.envelopes
        ],
        "created_at": said(package.created_at),
        "bid": absolute(request, "api-bid", bid.uid) if bid else None,
        "links": {
            "self": absolute(request, "api-package", package.uid),
            "html": absolute(request, "scenario", package.scenario.address),
        },
        "actions": told(request, names, package.uid),
    }
