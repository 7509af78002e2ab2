"""How it is known who an organisation is: its evidence, the verdict, and who read the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.accounts.models import Organisation, User
from marketplace.accounts.organisations import actions, queries
from marketplace.accounts.organisations.models import VerificationState
from marketplace.accounts.rules import can_ask_verification, can_verify_organisation
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError, Invalid, TooLarge
from marketplace.base.languages import either
from marketplace.base.moments import instant_text
from marketplace.files import actions as files
from marketplace.files.limits import FILE_LIMIT, LIMITS, Purpose
from marketplace.files.models import Upload
from marketplace.files.queries import evidence_of, readings_about
from marketplace.files.rules import can_attach_evidence, can_remove_evidence
from marketplace.web.forms.people import EvidenceForm, RefuseVerificationForm, VerdictForm
from marketplace.web.organisations import PER_PAGE, answer, organisation_or_404, tabs
from marketplace.web.pages import actor_of, attempt, show_refusal, uid_or_404
from marketplace.web.request import Request

READINGS = 100


@require_http_methods(["GET", "POST"])
def verification(request: Request, uid: UUID) -> HttpResponse:
    """One page for both sides: the evidence and the request, the verdict and its reason."""
    row = organisation_or_404(request, uid)
    actor = actor_of(request)
    history = list(queries.verifications(actor, row)[:PER_PAGE])
    inside = queries.sees_inside(actor, row) and actor.role != Role.VIEWER
    if not inside or row.is_office:
        raise Http404
    waits = next((v for v in history if v.state == VerificationState.WAITING), None)
    do = request.POST.get("do", "") if request.method == "POST" else ""
    ask_form = EvidenceForm(request.POST if do == "ask" else None, initial=last_said(history))
    verify_form = VerdictForm(
        request.POST if do == "verify" else None,
        filed=waits is not None,
        initial={"in_lingang": row.in_lingang},
        prefix="verdict",
    )
    refuse_form = RefuseVerificationForm(request.POST if do == "refuse" else None, prefix="refuse")
    refuse_form.label_suffix = ""
    forms_here = {"ask": ask_form, "verify": verify_form, "refuse": refuse_form}
    error, form = None, None
    if request.method == "POST":
        if do in FILED:
            said, error = FILED[do](request, actor, row)
        else:
            form, said, error = _decide(do, actor, row, forms_here)
        if error is None:
            messages.success(request, said)
            return HttpResponseRedirect(reverse("organisation-verification", args=[uid]))
    settled = row.verified_at is not None and not row.changed_since_verified
    context = {
        "organisation": row,
        "tabs": tabs(actor, row, "organisation-verification"),
        "history": history,
        "waits": waits,
        "settled": settled,
        "may_ask": can_ask_verification(actor, row) and waits is None and not settled,
        "may_decide": can_verify_organisation(actor, row),
        "may_verify": can_verify_organisation(actor, row) and (waits is not None or not settled),
        "may_refuse": can_verify_organisation(actor, row)
        and (waits is not None or row.verified_at is not None),
        "ask_form": ask_form,
        "verify_form": verify_form,
        "refuse_form": refuse_form,
        "controls": queries.controls(actor, row),
        "relations": queries.relations(actor, row),
        "may_attach": can_attach_evidence(actor, row),
        "evidence": shown_evidence(actor, row, history),
        "bytes_most": LIMITS[Purpose.EVIDENCE].bytes_most,
        "count_most": LIMITS[Purpose.EVIDENCE].count_most,
        "plain_most": FILE_LIMIT,
        "file_errors": refusals(error),
        "readings": shown_readings(actor, row),
        "inspects": actor.role == Role.INSPECTOR,
    }
    box = None if isinstance(error, Invalid) and do in FILED else error
    response = answer(request, "organisations/verification.html", context, form, box)
    response.status_code = error.status if error else response.status_code
    return response


# -- Files -------------------------------------------------------------------------------------------
def shown_evidence(actor: Actor, row: Organisation, history: list[Any]) -> list[dict[str, Any]]:
    """For `components/_file.html`; what a verdict rests on cannot be taken back."""
    decided = max((v.decided_at for v in history if v.decided_at), default=None)
    return [
        {
            "uid": upload.uid,
            "name": upload.name,
            "url": reverse("file", args=[upload.uid]),
            "size": upload.length,
            "sha256": upload.sha256,
            "note": attached(upload, by_office=upload.organisation_id != row.pk),
            "removable": can_remove_evidence(actor, upload)
            and (decided is None or decided < upload.finished_at),
        }
        for upload in evidence_of(actor, row)
    ]


def attached(upload: Upload, *, by_office: bool) -> str:
    """By which side, by whom, when, in one line."""
    side = _("Attached by the office") if by_office else _("Attached by the organisation")
    name = either(upload.user.name, upload.user.name_en)
    at = instant_text(upload.finished_at) if upload.finished_at else ""
    return f"{side} · {name} · {at}"


def shown_readings(actor: Actor, row: Organisation) -> list[dict[str, Any]]:
    """The newest lines of the access log about it, with the people's names."""
    lines = list(readings_about(actor, row)[:READINGS])
    people = User.objects.in_bulk({line.user_uid for line in lines}, field_name="uid")
    return [
        {"line": line, "user": people.get(line.user_uid), "role": Role(line.role).label}
        for line in lines
    ]


def refusals(error: DomainError | None) -> list[Any]:
    """What is said beside the file: of the form's own, or of what was sent before it."""
    return [*error.errors.pop("file", []), *error.errors.pop("upload", [])] if error else []


def attach(request: Request, actor: Actor, row: Organisation) -> tuple[str, DomainError | None]:
    post, came = request.POST, request.FILES.get("file")
    given: dict[str, Any] = {"actor": actor, "organisation_uid": row.uid}
    if getattr(request, "upload_refused", False) or (came and (came.size or 0) > FILE_LIMIT):
        sentence = _("Without scripts a file may have at most %(most)s MiB.")
        return "", TooLarge(sentence % {"most": FILE_LIMIT // 1024**2})
    if post.get("upload"):
        upload_uid = uid_or_404(post["upload"])
        _row, error = attempt(files.attach_evidence, upload_uid=upload_uid, **given)
    elif came:
        name, body = came.name or "", came.read()
        _row, error = attempt(files.attach_small_evidence, name=name, body=body, **given)
    else:
        return "", Invalid(errors={"file": [_("Choose a file.")]})
    return _("The file is attached, with its hash."), error


def remove(request: Request, actor: Actor, row: Organisation) -> tuple[str, DomainError | None]:
    upload_uid = uid_or_404(request.POST.get("row", ""))
    _gone, error = attempt(files.remove_evidence, actor=actor, upload_uid=upload_uid)
    return _("The file is removed."), error


FILED: dict[str, Callable[..., tuple[str, DomainError | None]]] = {
    "attach": attach,
    "remove": remove,
}


def last_said(history: list[Any]) -> dict[str, Any]:
    """What was filed last time, to be corrected instead of typed again."""
    if not history:
        return {}
    return {name: getattr(history[0], name) for name in EvidenceForm.base_fields}


def _decide(
    do: str, actor: Actor, row: Organisation, forms: dict[str, Any]
) -> tuple[Any, str, DomainError | None]:
    """Do what the button said: (its form, what to say, the refusal)."""
    if do not in forms:
        raise Http404
    form = forms[do]
    given: dict[str, Any]
    if do == "ask":
        action: Callable[..., Any] = actions.ask_verification
        given = {"evidence": form.typed()}
        said = _("Filed. The office verifies your organisation and tells you.")
    elif do == "verify":
        action = actions.verify_organisation
        in_lingang = bool(form["in_lingang"].value())
        given = {"evidence": form.evidence() or None, "in_lingang": in_lingang}
        said = _("The organisation is verified.")
    else:
        action = actions.refuse_verification
        given = {"reason": form["reason"].value()}
        said = _("Refused. The organisation is told and may ask again.")
    _row, error = attempt(action, actor=actor, organisation_uid=row.uid, **given)
    if error:
        show_refusal(form, error)
    return form, said, error


urlpatterns = [
    path("organisations/<uuid:uid>/verification/", verification, name="organisation-verification")
]
