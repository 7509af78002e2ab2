"""Bids: one's own from the first version on; those of others once bidding has closed."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s
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
from marketplace.api.bodies import Body, Choice, Text, Uid, Whole
from marketplace.api.calls import calling
from marketplace.api.deeds import Answer, Given, deed
from marketplace.api.limits import BID_BODY_BYTES_MAX
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.views import OfScenario, Resource, actor_of
from marketplace.base.errors import NotFound
from marketplace.bidding import actions
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.forms_schema import FILE_NAME_MAX, FILES_MAX, File
from marketplace.bidding.models import Bid, BidState, BidVersion, SealedPackage
from marketplace.bidding.queries import own_receipt, sealing_sheet
from marketplace.files.limits import LIMITS, Purpose
from marketplace.scenarios.models import Envelope, Scenario

FREE: dict[str, Any] = {"required": False}
FILTERS = (
    Filter("scenario", "scenario__uid", "The demand."),
    Filter("organisation", "organisation__uid", "The bidder."),
    Filter("state", "state", "The state.", tuple(BidState.values)),
)


@extend_schema_field({"type": "object", "additionalProperties": True})
class Form(s.JSONField):
    """A form whose fields the bid's own schema checks, each fault with its path."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise s.ValidationError(_("Give a JSON object."))
        return data


class FileBody(Body):
    name = Text(FILE_NAME_MAX)
    content = s.CharField(
        max_length=BID_BODY_BYTES_MAX, trim_whitespace=False, help_text="In base64."
    )

    def validate_content(self, value: str) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise s.ValidationError(_("Give the file's content in base64.")) from error


def files_field() -> Any:
    options: dict[str, Any] = {"many": True, "max_length": FILES_MAX, "required": False}
    return FileBody(**options)


class FormsBody(Body):
    business = Form()
    technical = Form()
    price = Form()


class FilesBody(Body):
    business = files_field()
    technical = files_field()
    price = files_field()


class BidBody(Body):
    forms = FormsBody(help_text="The three forms in the shape of bid-1.json.")
    files = FilesBody(**FREE)


class UploadsBody(Body):
    """Uploads of the purpose `sealed`, whole and used by nothing else."""

    business = Uid()
    technical = Uid()
    price = Uid()


class PackageBody(Body):
    """`uploads`, which the bidder sealed, or `forms` and `files`, which the server seals."""

    uploads = UploadsBody(**FREE)
    forms = FormsBody(**FREE)
    files = FilesBody(**FREE)

    def validate(self, body: dict[str, Any]) -> dict[str, Any]:
        forms = "forms" in body
        if ("uploads" in body) == forms or ("files" in body and not forms):
            raise s.ValidationError(
                {"uploads": [_("Give either uploads, or forms with their files.")]}
            )
        return body


FORMS_EXAMPLE = {
    "business": {
        "legal_representative": "赵代一",
        "contact_name": "钱联一",
        "contact_phone": "021-00000701",
        "contact_email": "bid@example.com",
        "project_leader": "孙项一",
        "team": [{"name": "孙项一", "role": "项目负责人", "years": 9}],
        "consortium": [],
        "condition_statements": {"Q1": "三个同类项目。"},
        "related_parties": "无利害关系。",
        "accepts_terms": True,
    },
    "technical": {
        "approach": "以被动方式采集，离线建模。",
        "commitments": {"M1": "99.2"},
        "plan": [{"month": 6, "result": "验收"}],
        "risks": "数据不足。",
        "resources": "六人。",
    },
    "price": {
        "total_cny": "900000.00",
        "tax_rate_percent": "6",
        "nodes": [{"name": "验收", "amount_cny": "900000.00"}],
        "note": "",
    },
}
UID_EXAMPLE = "5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11"


def forms_of(body: dict[str, Any]) -> dict[str, Any]:
    """What seal and submit take: forms and {envelope: [(name, bytes)]}."""
    files: dict[str, list[File]] = {
        envelope: [(row["name"], row["content"]) for row in rows]
        for envelope, rows in body.get("files", {}).items()
    }
    return {"forms": dict(body["forms"]), "files": files}


def bid_shown(request: Request, uid: UUID) -> dict[str, Any]:
    return bid_shapes.detail(request, actor_of(request), uid)


def version_shown(request: Request, uid: UUID) -> dict[str, Any]:
    """The bid of a version, as it stands now."""
    rows = BidVersion.objects.visible_to(actor_of(request)).filter(uid=uid)
    found = rows.values_list("bid__uid", flat=True).first()
    if found is None:
        raise NotFound
    return bid_shown(request, found)


SUBMITS: dict[str, Any] = {
    "shows": version_shown,
    "answers": BidDetail,
    "status": 201,
    "own_key": True,
}


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


class BidSubmit(OfScenario):
    body_limit = BID_BODY_BYTES_MAX

    @deed(
        "bids_submit",
        "Submit a bid, or a new version of it",
        scope=Scope.BIDS,
        description="Checked, sealed by the server and received, strictly before the deadline;"
        " the receipt of each version is signed. Faults name their field, such as"
        " `business.team.0.name`.",
        takes=BidBody,
        example={"forms": FORMS_EXAMPLE},
        **SUBMITS,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        version = actions.submit_bid(
            actor=given.actor,
            scenario_uid=uid,
            idempotency_key=given.key,
            **forms_of(given.body),
        )
        return version.uid


class BidOne(Resource):
    about = (Bid, "scenario__uid")

    @reading("bids_retrieve", "One bid", shape=BidDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(bid_shown(request, uid))


class BidRevise(Resource):
    about = (Bid, "scenario__uid")

    body_limit = BID_BODY_BYTES_MAX

    @deed(
        "bids_revise",
        "Submit a new version of one's bid",
        scope=Scope.BIDS,
        description="The last version received before the deadline is the one that is opened.",
        takes=BidBody,
        example={"forms": FORMS_EXAMPLE},
        **SUBMITS,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        rows = Bid.objects.visible_to(given.actor).filter(uid=uid)
        scenario_uid = rows.values_list("scenario__uid", flat=True).first()
        if scenario_uid is None:
            raise NotFound
        version = actions.submit_bid(
            actor=given.actor,
            scenario_uid=scenario_uid,
            idempotency_key=given.key,
            **forms_of(given.body),
        )
        return version.uid


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


def package_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = SealedPackage.objects.visible_to(actor_of(request)).filter(uid=uid)
    found = row.select_related("scenario", "version__bid").first()
    if found is None:
        raise NotFound
    return bid_shapes.package_shape(request, found)


class PackageSeal(OfScenario):
    body_limit = BID_BODY_BYTES_MAX

    @deed(
        "packages_seal",
        "Make a package of sealed envelopes, to be submitted",
        scope=Scope.BIDS,
        description="Of three uploads that were sealed by the sheet, or of forms that the server"
        " seals, so that the submission itself is short. Kept for 24 hours, ten at most.",
        takes=PackageBody,
        example={"forms": FORMS_EXAMPLE},
        shows=package_shown,
        answers=PackageShape,
        status=201,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        about: dict[str, Any] = {"actor": given.actor, "scenario_uid": uid}
        if uploads := given.body.get("uploads"):
            return actions.assemble_package(**about, uploads=dict(uploads)).uid
        return actions.seal_package(**about, **forms_of(given.body)).uid


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
        scenario = Scenario.objects.visible_to(actor).filter(uid=uid).first()
        if scenario is None:
            raise NotFound
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
