"""Bids: one's own from the first version on; those of others once bidding has closed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api import bid_shapes
from marketplace.api.bid_shapes import (
    BidDetail,
    BidRow,
    PackageShape,
    ReceiptShape,
    SheetShape,
)
from marketplace.api.bodies import Body, Choice, Flag, Text, Uid, Whole
from marketplace.api.calls import calling
from marketplace.api.deeds import Answer, Given, deed
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.views import OfScenario, Resource, actor_of
from marketplace.base.errors import NotFound
from marketplace.bidding import actions
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.consortia.actions import request_consortium_change
from marketplace.bidding.models import Bid, BidState, SealedPackage
from marketplace.bidding.queries import own_receipt
from marketplace.bidding.sheet import sealing_sheet
from marketplace.committee.actions import decide_consortium_change
from marketplace.files.limits import LIMITS, Purpose
from marketplace.scenarios.models import Envelope

FILTERS = (
    Filter("scenario", "scenario__uid", "The demand."),
    Filter("organisation", "organisation__uid", "The bidder."),
    Filter("state", "state", "The state.", tuple(BidState.values)),
)


class UploadsBody(Body):
    """Uploads of the purpose `sealed`, whole and used by nothing else."""

    business = Uid()
    technical = Uid()
    price = Uid()


class PackageBody(Body):
    uploads = UploadsBody()


UID_EXAMPLE = "5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11"


def bid_shown(request: Request, uid: UUID) -> dict[str, Any]:
    return bid_shapes.detail(request, actor_of(request), uid)


class Bids(Listed):
    @listing(
        "bids_list",
        "Bids",
        rows=BidRow,
        filters=FILTERS,
        description="One's own; for those who take part, all of them once bidding has closed.",
    )
    def get(self, request: Request) -> Any:
        return bid_shapes.rows(request, actor_of(request))


class BidOne(Resource):
    about = (Bid, "scenario__uid")

    @reading("bids_retrieve", "One bid", shape=BidDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(bid_shown(request, uid))


BidWithdraw = calling(
    actions.withdraw_bid,
    "bid_uid",
    "bids_withdraw",
    "Withdraw one's bid",
    about=(Bid, "scenario__uid"),
    scope=Scope.BIDS,
    description="Before the deadline; it is never opened, and may be submitted again.",
    shows=bid_shown,
    answers=BidDetail,
)


class MemberBody(Body):
    name = Text(120)
    uscc = Text(40)
    work = Text(500)
    share_percent = Text(5, help_text="Above 0 and below 100, at most two decimals.")


def members_field() -> Any:
    said = "Beside the lead, as they are to be."
    options: dict[str, Any] = {"many": True, "max_length": 10, "help_text": said}
    return MemberBody(**options)


class ChangeBody(Body):
    members = members_field()
    lead_work = Text(500)
    lead_share_percent = Text(5)
    agreement_name = Text(120, help_text="Of the newly signed agreement, which the lead keeps.")
    agreement_sha256 = Text(64)
    reason = Text(2000)


class DecideBody(Body):
    change = Uid(source="change_uid", help_text="Of the change that waits.")
    approve = Flag()
    reason = Text(2000, help_text="The bidder reads it.")


CHANGE_EXAMPLE = {
    "members": [
        {
            "name": "示枢密码（虚构）",
            "uscc": "91310115MAXXX01542",
            "work": "密码模块",
            "share_percent": "30",
        }
    ],
    "lead_work": "总体方案与集成",
    "lead_share_percent": "70",
    "agreement_name": "agreement-2.pdf",
    "agreement_sha256": "0" * 64,
    "reason": "原成员退出。",
}
BidChangeConsortium = calling(
    request_consortium_change,
    "bid_uid",
    "bids_change_consortium",
    "Ask for a change of one's consortium",
    about=(Bid, "scenario__uid"),
    scope=Scope.BIDS,
    description="By the lead, from the opening until the award is confirmed. An officer decides.",
    takes=ChangeBody,
    example=CHANGE_EXAMPLE,
    shows=bid_shown,
    answers=BidDetail,
)
BidDecideConsortium = calling(
    decide_consortium_change,
    "bid_uid",
    "bids_decide_consortium",
    "Decide on a change of a consortium",
    about=(Bid, "scenario__uid"),
    scope=Scope.OFFICE,
    description="Not approved where a new member has a conflict; each is told under `approve`.",
    takes=DecideBody,
    example={"change": UID_EXAMPLE, "approve": True, "reason": "已核查，无利害关系。"},
    shows=bid_shown,
    answers=BidDetail,
)


def package_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = SealedPackage.objects.visible_to(actor_of(request)).filter(uid=uid)
    found = row.select_related("scenario", "version__bid").first()
    if found is None:
        raise NotFound
    return bid_shapes.package_shape(request, found)


class PackageAssemble(OfScenario):
    @deed(
        "packages_assemble",
        "Make a package of sealed envelopes, to be submitted",
        scope=Scope.BIDS,
        description="Of three uploads that the bidder sealed by the sheet; nothing but sealed bytes"
        " is taken. So the submission itself is short. Kept for 24 hours, ten at most.",
        takes=PackageBody,
        example={"uploads": dict.fromkeys(Envelope.values, UID_EXAMPLE)},
        shows=package_shown,
        answers=PackageShape,
        status=201,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        uploads = dict(given.body["uploads"])
        return actions.assemble_package(actor=given.actor, scenario_uid=uid, uploads=uploads).uid


class Sealing(OfScenario):
    @reading(
        "sealing_retrieve",
        "What is needed to seal a bid",
        shape=SheetShape,
        description="For who may bid: recipients, the schema of this demand's forms, limits, and"
        " the entry of the publication in the log, by which the recipients can be checked.",
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        scenario = self.demand(actor, uid)
        return Response(sealing_sheet(actor, scenario))


class HashBody(Body):
    envelope = Choice(choices=Envelope.choices)
    sha256 = Text(64, help_text="Of the sealed bytes, in hex.")
    size = Whole(min_value=1, max_value=LIMITS[Purpose.SEALED].bytes_most)


def hashes_field() -> Any:
    options: dict[str, Any] = {"many": True, "max_length": len(Envelope)}
    return HashBody(**options, help_text="One for each envelope.")


class CommitmentBody(Body):
    envelopes = hashes_field()


def commitment_shown(request: Request, uid: UUID) -> dict[str, Any]:
    rows = BidCommitment.objects.visible_to(actor_of(request)).filter(uid=uid)
    found = rows.select_related("receipt").first()
    if found is None:
        raise NotFound
    return bid_shapes.receipt_told(found.receipt)


class CommitmentMake(OfScenario):
    @deed(
        "commitments_make",
        "Commit to the hashes of sealed envelopes",
        scope=Scope.BIDS,
        description="Strictly before the deadline. Where the profile of the demand grants it, a"
        " package of exactly these bytes is taken until `bytes_until` of the sheet; the last"
        " commitment counts. It is no bid. The answer is the signed receipt.",
        takes=CommitmentBody,
        example={
            "envelopes": [
                {"envelope": name, "sha256": 32 * "5a", "size": 65768} for name in Envelope.values
            ]
        },
        shows=commitment_shown,
        answers=ReceiptShape,
        status=201,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        made = actions.commit_hashes(actor=given.actor, scenario_uid=uid, **given.body)
        return made.uid


class PackageOne(Resource):
    about = (SealedPackage, "scenario__uid")

    @reading("packages_retrieve", "One sealed package", shape=PackageShape)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(package_shown(request, uid))


class PackageSubmit(Resource):
    about = (SealedPackage, "scenario__uid")

    @deed(
        "packages_submit",
        "Submit what was sealed before",
        scope=Scope.BIDS,
        description="The short way in the last minute. The answer is the signed receipt.",
        answers=ReceiptShape,
        status=201,
        own_key=True,
    )
    def post(self, given: Given, uid: UUID) -> Answer:
        version = actions.submit_package(
            actor=given.actor, package_uid=uid, idempotency_key=given.key
        )
        return Answer(bid_shapes.receipt_told(version.receipt))


class ReceiptOne(Resource):
    @reading(
        "receipts_retrieve",
        "A signed receipt",
        shape=ReceiptShape,
        description="The file to keep: `python -m marketplace.ledger.verify` checks it offline.",
    )
    def get(self, request: Request, uid: UUID) -> Response:
        receipt = own_receipt(actor_of(request), uid)
        if receipt is None:
            raise NotFound
        return Response(bid_shapes.receipt_told(receipt))
