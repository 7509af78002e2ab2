"""Files of a demand: what each reader sees of them, downloads, and releases reader by reader."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.authentication import beneath
from marketplace.api.bodies import Body, Day, Signature, Uid
from marketplace.api.calls import calling
from marketplace.api.lists import reading
from marketplace.api.moves import told
from marketplace.api.shapes import AttachmentRow, Shape, instant, text
from marketplace.api.views import NONE, PublicRead, Resource, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.canonical import plain
from marketplace.base.errors import NotFound
from marketplace.files.http import serve
from marketplace.scenarios import actions
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario
from marketplace.scenarios.rules import can_release_attachment
from marketplace.scenarios.undertakings import (
    Undertaking,
    signed_by,
    text_in_force,
    undertakes,
)

UID_EXAMPLE = "5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11"
ABOUT: dict[str, Any] = {"about": (Attachment, "scenario__uid")}


class UndertakingShape(Shape):
    version = s.IntegerField()
    body = text()
    body_en = text()
    sha256 = text("Of the text: comes back with the signature.")
    signed_at = instant("Null until one has signed.", null=True)


class AttachmentDetail(AttachmentRow):
    undertaking = UndertakingShape(
        allow_null=True, help_text="What one signs before the first download; null where nothing."
    )


class Release(Body):
    organisation = Uid(source="organisation_uid", help_text="A verified vendor.")
    until_date = Day(help_text="It reads the file until the end of this day in Beijing.")


class EndRelease(Body):
    organisation = Uid(source="organisation_uid")


def attachment_rows(request: Request, actor: Actor, scenario: Scenario) -> list[dict[str, Any]]:
    """What this reader sees, in order. Two queries, whatever their number."""
    seen = Attachment.objects.visible_to(actor).filter(scenario=scenario)
    rows = list(seen.select_related("upload", "scenario").order_by("position"))
    signed = signed_by(actor, rows)
    return [row_shape(request, actor, row, signed) for row in rows]


def row_shape(request: Request, actor: Actor, row: Attachment, signed: set[int]) -> dict[str, Any]:
    owes = row.restricted and undertakes(actor, row) and row.pk not in signed
    released = row.restricted and row.scenario.state not in BEFORE_PUBLICATION
    names = ["sign_undertaking"] if owes else []
    if released and can_release_attachment(actor, row):
        names += ["release_attachment", "end_release"]
    return {
        "uid": str(row.uid),
        "title": row.title,
        "name": row.upload.name,
        "size": row.upload.length,
        "content_type": row.upload.content_type,
        "sha256": row.upload.sha256,
        "restricted": row.restricted,
        "salt": bytes(row.salt).hex() if row.restricted else "",
        "undertaking_owed": owes,
        "href": absolute(request, "api-attachment-file", row.uid),
        "links": {
            "self": absolute(request, "api-attachment", row.uid),
            "html": absolute(request, "scenario", row.scenario.address),
        },
        "actions": told(request, names, row.uid),
    }


def attachment_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    seen = Attachment.objects.visible_to(actor).filter(uid=uid)
    row = seen.select_related("upload", "scenario").first()
    if row is None:
        raise NotFound
    return row_shape(request, actor, row, signed_by(actor, [row])) | {
        "undertaking": undertaking_shape(actor, row)
    }


def undertaking_shape(actor: Actor, row: Attachment) -> dict[str, Any] | None:
    """What this reader signed, or else is asked to sign."""
    if not (row.restricted and undertakes(actor, row)):
        return None
    own = Undertaking.objects.filter(
        attachment=row, user=actor.user_id, organisation=actor.organisation_id
    )
    signed = own.select_related("text").first()
    shown = signed.text if signed else text_in_force()
    if shown is None:
        return None
    said = {name: getattr(shown, name) for name in ("version", "body", "body_en", "sha256")}
    return said | {"signed_at": plain(signed.signed_at) if signed else None}


SHOWN: dict[str, Any] = {"shows": attachment_shown, "answers": AttachmentDetail}


class AttachmentOne(PublicRead):
    about = ABOUT["about"]
    parameters = NONE

    @reading("attachments_retrieve", "One file of a demand", shape=AttachmentDetail, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(attachment_shown(request, uid))


class AttachmentFile(PublicRead):
    about = ABOUT["about"]
    parameters = NONE

    @extend_schema(
        operation_id="attachments_download",
        summary="Download a file of a demand",
        description="With ranges and its SHA-256 as ETag. Reading a restricted one is recorded, and"
        " waits for the reader's undertaking (403 `undertaking.missing`).",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        extensions={"x-problems": [400, 401, 403, 404, 416]},
    )
    def get(self, request: Request, uid: UUID) -> HttpResponseBase:
        actor = actor_of(request)
        seen = Attachment.objects.visible_to(actor).filter(uid=uid)
        upload_uid = seen.values_list("upload__uid", flat=True).first()
        if upload_uid is None:
            raise NotFound
        return serve(beneath(request), actor, upload_uid)


def on_attachment(*of: Any, **said: Any) -> type[Resource]:
    told = ABOUT | SHOWN
    return calling(of[0], "attachment_uid", *of[1:], scope=Scope.SCENARIOS, **told, **said)


AttachmentRelease = on_attachment(
    actions.release_attachment,
    "attachments_release",
    "Let a vendor read a restricted file",
    description="By who writes for the demand's owner, once it is published. Again: another day.",
    takes=Release,
    example={"organisation": UID_EXAMPLE, "until_date": "2026-12-31"},
)
AttachmentEndRelease = on_attachment(
    actions.end_release,
    "attachments_end_release",
    "End a vendor's reading of a file",
    takes=EndRelease,
    example={"organisation": UID_EXAMPLE},
)
UndertakingSign = calling(
    actions.sign_undertaking,
    "attachment_uid",
    "attachments_undertake",
    "Undertake to keep a restricted file confidential",
    scope=None,
    description="In person, by each reader before the first download; by the text that the file"
    " shows as `undertaking`.",
    takes=Signature,
    example={"sha256": "0" * 64},
    **ABOUT,
    **SHOWN,
)
