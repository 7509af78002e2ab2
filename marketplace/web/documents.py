"""The five documents of a demand 发榜五件: what is there, who has what is missing, and the forms."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Invalid, TooLarge
from marketplace.base.inspected import inspects
from marketplace.files.limits import FILE_LIMIT
from marketplace.scenarios import actions
from marketplace.scenarios.documents.kinds import BY_HAND, FORMS, DocumentKind
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.documents.queries import (
    Paper,
    PaperState,
    may_be_filed,
    published_with,
)
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.scenarios.rules import can_check_document, can_file_document
from marketplace.web.attachments import uid_of
from marketplace.web.forms.documents import CheckForm, DocumentForm
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request


def papers_shown(actor: Actor, scenario: Scenario) -> list[dict[str, Any]]:
    """The five with what this person may do about each now."""
    filing = may_be_filed(scenario)
    return [_shown(actor, scenario, paper, filing) for paper in published_with(scenario)]


def _shown(actor: Actor, scenario: Scenario, paper: Paper, filing: bool) -> dict[str, Any]:
    row = paper.document
    draft = GateDocument(scenario=scenario, kind=paper.kind)
    files = filing and not paper.there and can_file_document(actor, draft)
    if paper.kind == DocumentKind.APPROVAL and scenario.state != State.DEMONSTRATED:
        files = False
    waits = filing and paper.state == PaperState.WAITING
    if row is not None:
        row.scenario = scenario
    return {
        "paper": paper,
        "statements": [
            said for code, said in FORMS[paper.kind].statements.items() if code in row.answers
        ]
        if row and paper.kind in BY_HAND
        else [],
        "may_file": files,
        "may_check": bool(waits and row and can_check_document(actor, row)),
    }


def documents(request: Request, address: str) -> HttpResponse:
    """Filing and checking; who may do neither reads along where the documents are seen."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    inside = actor.organisation_id == scenario.organisation_id or actor.is_office
    forbid_unless(inside or inspects(actor, scenario.uid, scenario.organisation.uid))
    refused: dict[str, Any] = {}
    error = None
    if request.method == "POST":
        error = _change(request, actor, scenario, refused)
        if error is None:
            return redirect("scenario-documents", address=scenario.address)
        scenario.refresh_from_db()
    papers = papers_shown(actor, scenario)
    for shown in papers:
        paper = shown["paper"]
        kind = paper.kind
        if shown["may_file"]:
            start = {"amount_cny": scenario.budget_cny}
            shown["form"] = refused.get(kind) or DocumentForm(kind=kind, initial=start)
        if shown["may_check"]:
            uid = str(paper.document.uid)
            shown["check_form"] = refused.get(uid) or CheckForm(prefix=f"check-{kind}")
    context = {
        "scenario": scenario,
        "papers": papers,
        "there": sum(shown["paper"].there for shown in papers),
        "before": scenario.state in BEFORE_PUBLICATION,
        "wrong": next(iter(refused.values()), None),
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "scenarios/documents.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def _change(
    request: Request, actor: Actor, scenario: Scenario, refused: dict[str, Any]
) -> DomainError | None:
    """File or check; a form that was refused is left in `refused`, by kind or document."""
    post = request.POST
    if uid := post.get("check"):
        kind = post.get("kind", "")
        form: Any = CheckForm(post, prefix=f"check-{kind}")
        _check, error = attempt(
            actions.check_document,
            actor=actor,
            document_uid=uid_of(uid),
            accepted=post.get("verdict") == "accept",
            words=post.get(f"check-{kind}-words", ""),
        )
        done, key = _("The check is written down."), uid
    else:
        key = post.get("kind", "")
        if key not in BY_HAND:
            return Invalid(errors={"kind": [_("Choose which document this is.")]})
        form = DocumentForm(post, request.FILES, kind=key)
        error = _file(request, actor, scenario, key)
        done = _("The document is filed.")
    if error is None:
        messages.success(request, done)
        return None
    show_refusal(form, error)
    refused[key] = form
    return error


def _file(request: Request, actor: Actor, scenario: Scenario, kind: str) -> DomainError | None:
    post = request.POST
    given: dict[str, Any] = {
        "actor": actor,
        "scenario_uid": scenario.uid,
        "kind": kind,
        "answers": {code: bool(post.get(f"{kind}-{code}")) for code in FORMS[kind].statements},
        "number": post.get(f"{kind}-number", ""),
        "amount_cny": post.get(f"{kind}-amount_cny", ""),
        "words": post.get(f"{kind}-words", ""),
    }
    came = request.FILES.get(f"{kind}-file")
    if getattr(request, "upload_refused", False) or (came and (came.size or 0) > FILE_LIMIT):
        sentence = _("Without scripts a file may have at most %(most)s MiB.")
        return TooLarge(sentence % {"most": FILE_LIMIT // 1024**2})
    if came:
        _row, error = attempt(
            actions.file_small_document, name=came.name or "", body=came.read(), **given
        )
    else:
        _row, error = attempt(actions.file_document, **given)
    return error


def uids_of(raw: list[str]) -> list[UUID]:
    """What is no uid names nobody, which the action says."""
    found = []
    for text in raw:
        try:
            found.append(UUID(text))
        except ValueError:
            found.append(UUID(int=0))
    return found


urlpatterns = [
    path("scenarios/<str:address>/documents/", documents, name="scenario-documents"),
]
