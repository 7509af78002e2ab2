"""Openings, for those who take part, and the eligibility check that follows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import (
    BidDetail,
    EnvelopeSerializer,
    ReceiptShape,
    VerdictSerializer,
    party,
    subject,
)
from marketplace.api.bids import bid_shown
from marketplace.api.bodies import Body, Choice, Text
from marketplace.api.calls import calling
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said, scenario_shown
from marketplace.api.shapes import (
    Links,
    Party,
    ScenarioDetail,
    Shape,
    Subject,
    actions,
    instant,
    text,
)
from marketplace.api.views import NONE, OfScenario, PublicRead, Resource, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.rules import require
from marketplace.bidding import actions as bidding
from marketplace.bidding import queries
from marketplace.bidding.challenges import holders, opening_challenge
from marketplace.bidding.failed.models import FailedOpening, FailureCause, FailureState
from marketplace.bidding.failed.queries import failures
from marketplace.bidding.models import (
    Bid,
    Opening,
    OpeningConfirmation,
    OpeningStage,
    OpeningState,
    Verdict,
)
from marketplace.bidding.record.models import OpeningRecord
from marketplace.bidding.record.queries import document
from marketplace.bidding.returns.actions import certify_return
from marketplace.bidding.returns.models import ReturnKind
from marketplace.bidding.rules import can_see_eligibility
from marketplace.desk.moves import KeyHolding, on_failure
from marketplace.desk.queries import desk_for
from marketplace.files.access import record_access
from marketplace.scenarios.models import BEFORE_PUBLICATION, State

NOT_YET = {*BEFORE_PUBLICATION, State.PUBLISHED, State.CLOSED}
FILTERS = (
    Filter("scenario", "scenario__uid", "The demand."),
    Filter("stage", "stage", "Which envelopes.", tuple(OpeningStage.values)),
    Filter("state", "state", "The state.", tuple(OpeningState.values)),
)


class ConfirmationSerializer(Shape):
    name = text("Of the key holder.")
    confirmed_at = instant()


class OpeningRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    stage = s.ChoiceField(OpeningStage.choices)
    state = s.ChoiceField(OpeningState.choices)
    confirmations_needed = s.IntegerField()
    confirmations = ConfirmationSerializer(many=True)
    finished_at = instant(null=True)
    links = Links()
    actions = actions()


class EntrySerializer(Shape):
    bid = s.UUIDField()
    organisation = Party()
    version = s.IntegerField()
    received_at = instant(null=True)
    outcome = s.ChoiceField(["waiting", "opened", "bidder_fault", "platform_fault"])
    reason = text()
    hash_holds = s.BooleanField(allow_null=True, help_text="The stored bytes are the received.")
    envelopes = EnvelopeSerializer(many=True)
    price_cny = s.DecimalField(14, 2, allow_null=True, help_text="In the opening of the prices.")


class Asked(Shape):
    tree_size = s.IntegerField(help_text="Of the log; repeat it with the answer.")
    challenge = text("Base64url; the 32 bytes that the key signs.")
    credentials = s.ListField(
        child=s.CharField(), help_text="Your keys that were announced with the demand, base64url."
    )


class FailureShape(Shape):
    uid = s.UUIDField()
    state = s.ChoiceField(FailureState.choices)
    cause = s.ChoiceField(FailureCause.choices)
    lost = s.ListField(child=s.UUIDField(), help_text="Holders whose keys are said to be lost.")
    reason = text()
    evidence_number = text()
    evidence_sha256 = text()
    declared_at = instant()
    decided_at = instant(null=True)


class OpeningDetail(OpeningRow):
    entries = EntrySerializer(many=True, help_text="By time of receipt.")
    asked = Asked(
        allow_null=True,
        help_text="For a key holder who may confirm, once the closing is in the log.",
    )
    holders = s.ListField(child=s.UUIDField(), help_text="Announced with the demand; the office.")
    failures = FailureShape(
        many=True, help_text="Who said that it can never happen, newest first; what two agreed on."
    )


class KeyResponse(Body):
    clientDataJSON = Text(2048)  # noqa: N815 - WebAuthn's names
    authenticatorData = Text(2048)  # noqa: N815
    signature = Text(2048)


class Assertion(Body):
    id = Text(1024, help_text="The credential, base64url.")
    type = Text(16, required=False)
    response = KeyResponse()


class ConfirmBody(Body):
    tree_size = s.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="As `asked` named it."
    )
    assertion = Assertion(
        required=False,
        help_text="What navigator.credentials.get() gave for the challenge in `asked`.",
    )


def openings_of(actor: Actor) -> Any:
    people = OpeningConfirmation.objects.select_related("user").order_by("pk")
    rows = Opening.objects.visible_to(actor).select_related("scenario__profile")
    return rows.prefetch_related(Prefetch("confirmations", people), "failures")


def row_shape(request: Request, opening: Opening, keys: KeyHolding) -> dict[str, Any]:
    given = list(opening.confirmations.all())
    names = keys.on_opening(
        state=opening.state,
        scenario=opening.scenario,
        confirmed_by={row.user_id for row in given},
    ) + on_failure(keys.desk, opening)
    return {
        "uid": str(opening.uid),
        "scenario": subject(request, opening.scenario),
        "stage": opening.stage,
        "state": opening.state,
        "confirmations_needed": opening.confirmations_needed,
        "confirmations": [
            {"name": row.user.name, "confirmed_at": said(row.confirmed_at)} for row in given
        ],
        "finished_at": said(opening.finished_at),
        "links": {
            "self": absolute(request, "api-opening", opening.uid),
            "html": absolute(request, "opening", opening.scenario.address),
        },
        "actions": told(request, names, opening.uid),
    }


def opening_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    opening = openings_of(actor).filter(uid=uid).first()
    if opening is None:
        raise NotFound
    entries = queries.opening_entries(actor, opening)
    row = row_shape(request, opening, KeyHolding(desk_for(actor)))
    may_confirm = any(move["name"] == "confirm_opening" for move in row["actions"])
    asked = opening_challenge(opening) if may_confirm else None
    return row | {
        "asked": asked and asked.shown(actor.user_uid),
        "holders": holders(opening.scenario) if actor.is_office else [],
        "failures": [failure_shape(one) for one in failures(actor, opening)],
        "entries": [entry_shape(entry, opening) for entry in entries],
    }


def failure_shape(row: FailedOpening) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        "state": row.state,
        "cause": row.cause,
        "lost": [str(uid) for uid in row.lost],
        "reason": row.reason,
        "evidence_number": row.evidence_number,
        "evidence_sha256": row.evidence_sha256,
        "declared_at": said(row.created_at),
        "decided_at": said(row.decided_at),
    }


def entry_shape(entry: queries.Entry, opening: Opening) -> dict[str, Any]:
    return {
        "bid": str(entry.bid.uid),
        "organisation": party(entry.organisation),
        "version": entry.version,
        "received_at": said(entry.received_at),
        "outcome": entry.outcome,
        "reason": entry.reason,
        "hash_holds": entry.hash_holds,
        "envelopes": [
            {"envelope": row.envelope, "sha256": row.sha256, "size": row.size}
            for row in entry.envelopes
        ],
        "price_cny": said(entry.bid.price_cny) if opening.stage == OpeningStage.PRICE else None,
    }


class Openings(Listed):
    @listing("openings_list", "Openings", rows=OpeningRow, filters=FILTERS)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)

        def shape(page: list[Opening]) -> list[dict[str, Any]]:
            keys = KeyHolding(desk_for(actor))
            return [row_shape(request, row, keys) for row in page]

        return openings_of(actor), shape


class OpeningOne(Resource):
    about = (Opening, "scenario__uid")

    @reading("openings_retrieve", "One opening", shape=OpeningDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(opening_shown(request, uid))


class PersonShape(Shape):
    name = text("Of the key holder; empty where the person has been blanked.")
    salt = text("Under it the name's HMAC SHA-256 is `name_hash`, in hex.")


class RecordShape(ReceiptShape):
    persons = PersonShape(
        many=True, allow_null=True, help_text="In the order of confirmation; null for the public."
    )


class OpeningRecordOne(PublicRead):
    parameters = NONE
    about = (Opening, "scenario__uid")

    @reading(
        "openings_record",
        "The signed record of a finished opening",
        shape=RecordShape,
        description="For those who take part from the finish on, and for everybody once a result"
        " is publicised, then without persons' names. `verify` reads it as it reads a receipt.",
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        found = OpeningRecord.objects.visible_to(actor).filter(opening__uid=uid)
        record = found.select_related("opening", "receipt").first()
        if record is None:
            raise NotFound
        return Response(
            {"event": None, "inclusion": None, "persons": None} | document(actor, record)
        )


class OpeningConfirm(Resource):
    about = (Opening, "scenario__uid")

    @deed(
        "openings_confirm",
        "Confirm an opening",
        scope=None,
        description="As a key holder of the demand. Saying it twice counts once; the opener's own"
        " process opens once enough have said it.",
        shows=opening_shown,
        answers=OpeningDetail,
        takes=ConfirmBody,
        proof=True,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        rows = Opening.objects.visible_to(given.actor).filter(uid=uid)
        found = rows.values("scenario__uid", "stage").first()
        if found is None:
            raise NotFound
        bidding.confirm_opening(
            actor=given.actor,
            scenario_uid=found["scenario__uid"],
            stage=found["stage"],
            **given.body,
        )
        return uid


# -- Eligibility -------------------------------------------------------------------------------------
class CheckedSerializer(Shape):
    bid = s.UUIDField()
    organisation = Party()
    state = text("Of the bid.")
    missing = s.IntegerField(help_text="Conditions without a verdict.")
    statements = s.DictField(child=s.CharField(), help_text="What the bidder says, by condition.")
    verdicts = VerdictSerializer(many=True)


class Check(Body):
    condition = Text(4, source="condition_code", help_text="The code of a listed condition.")
    verdict = Choice(Verdict.values)
    reason = Text(2000, required=False, help_text="Needed for a fail; the bidder is told.")


DEMAND: dict[str, Any] = {
    "base": OfScenario,
    "scope": Scope.OFFICE,
    "shows": scenario_shown,
    "answers": ScenarioDetail,
}
EligibilityStart = calling(
    bidding.start_eligibility,
    "scenario_uid",
    "eligibility_start",
    "Start the eligibility check",
    **DEMAND,
)
EligibilityConclude = calling(
    bidding.conclude_eligibility,
    "scenario_uid",
    "eligibility_conclude",
    "Conclude the eligibility check",
    description="Voids related bids, tells eligible from ineligible ones.",
    **DEMAND,
)


class Eligibility(OfScenario):
    @reading(
        "eligibility_retrieve",
        "Each opened bid against each condition",
        shape=CheckedSerializer(many=True),
        description="For the office and the demand's owner.",
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        scenario = self.demand(actor, uid)
        if scenario.state in NOT_YET:
            raise NotFound
        require(can_see_eligibility, actor, scenario)
        rows = queries.eligibility_matrix(actor, scenario)
        if rows:
            record_access(actor=actor, subject_uid=scenario.uid, what="bid.eligibility")
        return Response([checked_shape(row) for row in rows])


def checked_shape(row: queries.MatrixRow) -> dict[str, Any]:
    return {
        "bid": str(row.bid.uid),
        "organisation": party(row.bid.organisation),
        "state": row.bid.state,
        "missing": row.missing,
        "statements": {cell.condition.code: cell.statement for cell in row.cells},
        "verdicts": [
            {
                "condition": cell.condition.code,
                "verdict": cell.check.verdict,
                "reason": cell.check.reason,
                "checked_at": said(cell.check.checked_at),
            }
            for cell in row.cells
            if cell.check
        ],
    }


BidCheck = calling(
    bidding.check_condition,
    "bid_uid",
    "bids_check_condition",
    "Say whether a bid meets a condition",
    about=(Bid, "scenario__uid"),
    scope=Scope.OFFICE,
    description="Of several verdicts on one condition the last one stands.",
    takes=Check,
    example={"condition": "Q1", "verdict": "pass"},
    shows=bid_shown,
    answers=BidDetail,
    status=201,
)


class ReturnBody(Body):
    kind = Choice(ReturnKind.values, help_text="What became of the contents.")
    note = Text(2000, required=False, help_text="Stands in the certificate.")


BidReturn = calling(
    certify_return,
    "bid_uid",
    "bids_certify_return",
    "Certify the return or destruction of a bid that did not win",
    about=(Bid, "scenario__uid"),
    scope=Scope.OFFICE,
    description="Once the award is confirmed or has failed. `destroyed` removes files and sealed"
    " bytes, where the rules of the demand do not ask that they are kept (409 `return.retained`).",
    takes=ReturnBody,
    example={"kind": "returned"},
    shows=bid_shown,
    answers=BidDetail,
    status=201,
)
