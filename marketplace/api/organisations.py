"""Organisations: verified ones for everybody; one's own, its people and its verification."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers as s
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.content import CAPABILITIES_MOST, PROFILE_MOST
from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations import actions as organisations
from marketplace.accounts.organisations.models import VerificationState
from marketplace.accounts.organisations.queries import sees_inside, verifications
from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Flag, Text, Uid
from marketplace.api.calls import call, calling
from marketplace.api.deeds import Given, deed
from marketplace.api.gate import Reason
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, actions, instant, text
from marketplace.api.views import NONE, PublicRead, Resource, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound
from marketplace.desk import moves
from marketplace.desk.acts import Desk
from marketplace.desk.queries import desk_for
from marketplace.files import actions as files
from marketplace.files.queries import evidence_of
from marketplace.scenarios.queries import known_codes

FREE: dict[str, Any] = {"required": False}
YES_NO = ("true", "false")
FILTERS = (
    Filter("is_owner", "is_owner", "Posts demands.", YES_NO),
    Filter("is_vendor", "is_vendor", "Bids.", YES_NO),
    Filter("in_lingang", "in_lingang", "Is registered in Lingang.", YES_NO),
)
PLAIN = (
    "name",
    "name_en",
    "uscc",
    "is_owner",
    "is_vendor",
    "is_office",
    "in_lingang",
    "profile_zh",
    "profile_en",
    "capabilities",
)


class OrganisationRow(Shape):
    uid = s.UUIDField()
    name = text()
    name_en = text()
    uscc = text("The unified social credit code.")
    is_owner = s.BooleanField(help_text="Posts demands.")
    is_vendor = s.BooleanField(help_text="Bids.")
    is_office = s.BooleanField()
    in_lingang = s.BooleanField()
    profile_zh = text()
    profile_en = text()
    capabilities = s.ListField(
        child=s.CharField(), help_text="Codes of the vocabulary `technology`."
    )
    verified_at = instant(null=True)
    links = Links()
    actions = actions()


class VerificationSerializer(Shape):
    uid = s.UUIDField()
    state = s.ChoiceField(VerificationState.choices)
    created_at = instant()
    decided_at = instant(null=True)
    reason = text("Why it was refused.")


class EvidenceFile(Shape):
    uid = s.UUIDField()
    name = text()
    size = s.IntegerField()
    sha256 = text()
    by_office = s.BooleanField(help_text="An officer attached it; the organisation sees it not.")
    stored_at = instant()
    href = s.URLField(help_text="Downloads it; every reading is recorded.")


class OrganisationDetail(OrganisationRow):
    revision = s.IntegerField(help_text="Counts the saves; part of the ETag.")
    contact = text("For its own people and the office.")
    verifications = VerificationSerializer(
        many=True, help_text="For whoever writes for it, and the office. Newest first."
    )
    evidence = EvidenceFile(many=True, help_text="For its own people and the office.")


class OrganisationBody(Body):
    """Stated anew as a whole: what is left out becomes empty."""

    name = Text(120)
    name_en = Text(200, **FREE)
    profile_zh = Text(PROFILE_MOST, **FREE)
    profile_en = Text(PROFILE_MOST, **FREE)
    contact = Text(200, **FREE)
    capabilities = s.ListField(child=Text(40), max_length=CAPABILITIES_MOST, **FREE)
    is_owner = Flag(**FREE)
    is_vendor = Flag(**FREE)


class Evidence(Body):
    licence_number = Text(60)
    legal_representative = Text(80)
    registry_url = Text(400, **FREE)
    evidence_number = Text(120, **FREE)
    evidence_sha256 = Text(64, **FREE)
    note = Text(1000, **FREE)


class Attach(Body):
    upload = Uid(source="upload_uid", help_text="One's own, stored, with the purpose evidence.")


class Verify(Body):
    in_lingang = Flag(required=False, allow_null=True)


UID_EXAMPLE = "5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11"
EVIDENCE_EXAMPLE = {"licence_number": "310115000000001", "legal_representative": "赵代一"}


def row_shape(request: Request, row: Organisation, desk: Desk) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        **{name: getattr(row, name) for name in PLAIN},
        "verified_at": said(row.verified_at),
        "links": {
            "self": absolute(request, "api-organisation", row.uid),
            "html": absolute(request, "board"),
        },
        "actions": told(request, moves.on_organisation(desk, row), row.uid),
    }


def organisation_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = visible(actor, uid)
    inside = sees_inside(actor, row)
    return row_shape(request, row, desk_for(actor)) | {
        "revision": row.revision,
        "contact": row.contact if inside else "",
        "verifications": [
            {
                "uid": str(one.uid),
                "state": one.state,
                "created_at": said(one.created_at),
                "decided_at": said(one.decided_at),
                "reason": one.reason,
            }
            for one in verifications(actor, row)
        ],
        "evidence": [
            {
                **{name: said(getattr(one, name)) for name in ("uid", "name", "sha256")},
                "size": one.length,
                "by_office": one.organisation_id != row.pk,
                "stored_at": said(one.finished_at),
                "href": absolute(request, "file", one.uid),
            }
            for one in evidence_of(actor, row)
        ],
    }


def visible(actor: Actor, uid: UUID) -> Organisation:
    row = Organisation.objects.visible_to(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return row


def what_stands(given: Given, uid: UUID) -> dict[str, Any]:
    row = visible(given.actor, uid)
    differs = {
        name: getattr(row, name) for name in given.body if getattr(row, name) != given.body[name]
    }
    return {"revision": row.revision, "etag": f'"r{row.revision}"', **differs}


SHOWN: dict[str, Any] = {"shows": organisation_shown, "answers": OrganisationDetail}


class Organisations(Listed):
    permission_classes = [AllowAny]

    @listing(
        "organisations_list",
        "Organisations",
        rows=OrganisationRow,
        filters=FILTERS,
        description="Verified ones, and one's own; to the office all of them.",
        public=True,
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)

        def shape(page: list[Organisation]) -> list[dict[str, Any]]:
            desk = desk_for(actor)
            return [row_shape(request, row, desk) for row in page]

        return Organisation.objects.visible_to(actor), shape


class OrganisationOne(PublicRead):
    parameters = NONE

    @reading("organisations_retrieve", "One organisation", shape=OrganisationDetail, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(organisation_shown(request, uid))

    @deed(
        "organisations_save",
        "State an organisation anew",
        scope=Scope.ORGANISATION,
        description="By its owners and editors. Another name is flagged for the office.",
        takes=OrganisationBody,
        example={"name": "沪东安全科技有限公司", "is_vendor": True},
        revised=what_stands,
        **SHOWN,
    )
    def put(self, given: Given, uid: UUID) -> UUID:
        visible(given.actor, uid)
        unknown = set(given.body.get("capabilities", ())) - known_codes().terms["technology"]
        if unknown:
            raise Invalid(errors={"capabilities": [_("Choose among the values offered.")]})
        organisations.save_profile(
            actor=given.actor, organisation_uid=uid, revision=given.revision, data=given.body
        )
        return uid


def on_organisation(*of: Any, **said: Any) -> type[Resource]:
    return calling(of[0], "organisation_uid", *of[1:], **SHOWN, **said)


VerificationAsk = on_organisation(
    organisations.ask_verification,
    "organisations_ask_verification",
    "Ask to be verified",
    scope=Scope.ORGANISATION,
    takes=Evidence,
    example=EVIDENCE_EXAMPLE,
    whole="evidence",
)
VerificationGive = on_organisation(
    organisations.verify_organisation,
    "organisations_verify",
    "Verify an organisation",
    scope=Scope.OFFICE,
    takes=Verify,
    example={"in_lingang": True},
)
VerificationRefuse = on_organisation(
    organisations.refuse_verification,
    "organisations_refuse_verification",
    "Refuse a verification, or take it back",
    scope=Scope.OFFICE,
    takes=Reason,
    example={"reason": "营业执照编号与登记不符。"},
)
EvidenceAttach = on_organisation(
    files.attach_evidence,
    "organisations_attach_evidence",
    "Attach a file of evidence",
    scope=Scope.ORGANISATION,
    description="By who asks for the verification, and by the officers who decide.",
    takes=Attach,
    example={"upload": UID_EXAMPLE},
    status=201,
)


class EvidenceOne(Resource):
    delete = call(
        files.remove_evidence,
        "upload_uid",
        "evidence_remove",
        "Take a file of evidence back",
        scope=Scope.ORGANISATION,
        description="By the side that attached it, until the office has decided.",
    )
