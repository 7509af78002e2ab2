"""Pages of a demand's files: adding and removing them, and releasing restricted ones."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _

from marketplace.accounts.models import Capability, Grant, Organisation, User
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Invalid, TooLarge
from marketplace.files.limits import FILE_LIMIT, LIMITS, Purpose
from marketplace.files.marking import KINDS
from marketplace.files.queries import copies_of
from marketplace.scenarios import actions
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.disclosure.models import RestrictedText
from marketplace.scenarios.models import BEFORE_PUBLICATION, OWNER_EDITS, Scenario
from marketplace.scenarios.rules import can_edit_scenario, can_release_attachment
from marketplace.scenarios.undertakings import Undertaking, signed_by, undertakes
from marketplace.web.forms.attachments import AttachmentForm, ReleaseForm
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request

SIGNED_SHOWN = COPIES_SHOWN = 200


def shown_files(request: Request, scenario: Scenario) -> list[dict[str, Any]]:
    """What this reader sees of a demand's files, in order, for `components/_file.html`."""
    actor = actor_of(request)
    seen = Attachment.objects.visible_to(actor).filter(scenario=scenario)
    textual = Exists(RestrictedText.objects.filter(attachment=OuterRef("pk")))
    seen = seen.annotate(textual=textual).select_related("upload", "scenario")
    rows = list(seen.order_by("position"))
    signed = signed_by(actor, rows)
    return [
        {
            "row": row,
            "name": row.title,
            "url": reverse("undertaking", args=[scenario.address, row.uid])
            if row.restricted and undertakes(actor, row) and row.pk not in signed
            else reverse("file", args=[row.upload.uid]),
            # Then the link leads to a page, which a browser must not save as the file.
            "signs": row.restricted and undertakes(actor, row) and row.pk not in signed,
            "size": row.upload.length,
            "sha256": row.upload.sha256,
            # With its salt a reader can tell that this is the file of the publication.
            "salt": bytes(row.salt).hex() if row.restricted else "",
            "commitment": row.commitment if row.restricted else "",
            "note": " · ".join([kind_of(row), *([_("restricted")] if row.restricted else [])]),
            "marked": row.restricted
            and undertakes(actor, row)
            and (row.upload.content_type in KINDS or row.textual),
        }
        for row in rows
    ]


def kind_of(row: Attachment) -> str:
    """PDF, PNG, …: by its bytes. What bytes and name do not agree on is of no known kind."""
    known = {
        "application/pdf": "PDF",
        "image/png": "PNG",
        "image/jpeg": "JPEG",
        "image/webp": "WebP",
        "application/zip": "ZIP",
        "text/plain; charset=utf-8": _("Text"),
    }
    if "officedocument" in row.upload.content_type:
        return _("Office document")
    return known.get(row.upload.content_type, _("unknown kind"))


def files(request: Request, address: str) -> HttpResponse:
    """The files of one's own draft; nothing changes once the demand is filed."""
    scenario = scenario_or_404(request, address)
    forbid_unless(can_edit_scenario(actor_of(request), scenario))
    form, error = AttachmentForm(initial={"access": "public"}), None
    if request.method == "POST":
        form = AttachmentForm(request.POST)
        error = _change(request, scenario)
        if error is None:
            return redirect("scenario-files", address=scenario.address)
    file_errors = error.errors.pop("file", []) if error else []
    if error:
        show_refusal(form, error)
    context = {
        "scenario": scenario,
        "form": form,
        "files": shown_files(request, scenario),
        "editable": scenario.state in OWNER_EDITS,
        "count_most": LIMITS[Purpose.ATTACHMENT].count_most,
        "bytes_most": LIMITS[Purpose.ATTACHMENT].bytes_most,
        "plain_most": FILE_LIMIT,
        "before": scenario.state in BEFORE_PUBLICATION,
        "file_errors": file_errors,
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "scenarios/files.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def _change(request: Request, scenario: Scenario) -> DomainError | None:
    post, given = request.POST, {"actor": actor_of(request), "scenario_uid": scenario.uid}
    if post.get("remove"):
        _gone, error = attempt(
            actions.remove_attachment, attachment_uid=uid_of(post["remove"]), **given
        )
        if error is None:
            messages.success(request, _("The file is removed."))
        return error
    told = {"access": post.get("access", ""), "title": post.get("title", "")}
    came = request.FILES.get("file")
    if getattr(request, "upload_refused", False) or (came and (came.size or 0) > FILE_LIMIT):
        sentence = _("Without scripts a file may have at most %(most)s MiB.")
        return TooLarge(sentence % {"most": FILE_LIMIT // 1024**2})
    if post.get("upload"):
        _row, error = attempt(
            actions.attach_file, upload_uid=uid_of(post["upload"]), **told, **given
        )
    elif came:
        _row, error = attempt(
            actions.attach_small, name=came.name or "", body=came.read(), **told, **given
        )
    else:
        return Invalid(errors={"file": [_("Choose a file.")]})
    if error is None:
        messages.success(request, _("The file belongs to the draft now."))
    return error


def readers(request: Request, address: str, uid: UUID) -> HttpResponse:
    """Who may read one restricted file, and until when."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    rows = Attachment.objects.visible_to(actor).filter(scenario=scenario, uid=uid)
    row = first_or_404(rows.select_related("upload", "scenario"))
    forbid_unless(can_release_attachment(actor, row) and row.restricted)
    asked = request.GET.get("copy", "").strip().lower()[:64]
    vendors = Organisation.objects.filter(is_vendor=True, verified_at__isnull=False)
    vendors = vendors.exclude(pk=scenario.organisation_id).order_by("name", "pk")
    form, error = ReleaseForm(vendors=vendors), None
    if request.method == "POST":
        form = ReleaseForm(request.POST, vendors=vendors)
        error = _release(request, row)
        if error is None:
            return redirect("attachment-readers", address=scenario.address, uid=row.uid)
        show_refusal(form, error)
    given = Grant.objects.in_force().filter(
        subject_uid=row.uid, capability=Capability.READ, organisation__isnull=False
    )
    context = {
        "scenario": scenario,
        "row": row,
        "form": form,
        "released": [
            # Half-open: the day before its midnight is the last one.
            {"organisation": grant.organisation, "last": grant.until_at - timedelta(seconds=1)}
            for grant in given.select_related("organisation").order_by("until_at", "pk")
            if grant.until_at
        ],
        "signed": signatures(actor, row),
        "copies": copies(row, asked),
        "asked": asked,
        "before": scenario.state in BEFORE_PUBLICATION,
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "scenarios/readers.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def signatures(actor: Actor, row: Attachment) -> QuerySet[Undertaking]:
    """Who signed for this file, newest first."""
    rows = Undertaking.objects.visible_to(actor).filter(attachment=row)
    return rows.select_related("user", "organisation", "text").order_by("-pk")[:SIGNED_SHOWN]


def copies(row: Attachment, sha256: str) -> list[dict[str, Any]]:
    """The marked copies that were given, newest first, or those with this hash. Three queries."""
    given = list(copies_of(row.uid, sha256)[:COPIES_SHOWN])
    people = User.objects.in_bulk({one.user_uid for one in given}, field_name="uid")
    parties = {one.organisation_uid for one in given}
    named = Organisation.objects.in_bulk(parties, field_name="uid")
    return [
        {
            "at": one.at,
            "user": people.get(one.user_uid),
            "organisation": named.get(one.organisation_uid),
            "sha256": one.detail,
        }
        for one in given
    ]


def _release(request: Request, row: Attachment) -> DomainError | None:
    post, given = request.POST, {"actor": actor_of(request), "attachment_uid": row.uid}
    if post.get("end"):
        _done, error = attempt(actions.end_release, organisation_uid=uid_of(post["end"]), **given)
        done = _("That vendor cannot read the file any more.")
    else:
        _done, error = attempt(
            actions.release_attachment,
            organisation_uid=uid_of(post.get("organisation", "")),
            until_date=day_of(post.get("until_date", "")),
            **given,
        )
        done = _("The file is released to that vendor.")
    if error is None:
        messages.success(request, done)
    return error


def uid_of(raw: str) -> UUID:
    """What is no uid names nothing, which the action says."""
    try:
        return UUID(raw)
    except ValueError:
        return UUID(int=0)


def day_of(raw: str) -> date | None:
    try:
        return date.fromisoformat(raw)
    except ValueError:
        return None


urlpatterns = [
    path("scenarios/<str:address>/files/", files, name="scenario-files"),
    path("scenarios/<str:address>/files/<uuid:uid>/readers/", readers, name="attachment-readers"),
]
