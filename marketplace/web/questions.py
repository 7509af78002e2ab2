"""Questions and answers of a demand: read by all within their class, asked and answered here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.accounts.models import Organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Invalid
from marketplace.base.inspected import inspects
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions import actions
from marketplace.scenarios.questions.models import Question
from marketplace.scenarios.questions.queries import (
    answers_of,
    due_of,
    refusal_to_take_questions,
    waiting_of,
    withheld_from,
)
from marketplace.scenarios.questions.timing import asked_until
from marketplace.scenarios.rules import (
    can_answer_questions,
    can_ask_question,
    can_edit_scenario,
)
from marketplace.web import published
from marketplace.web.attachments import uid_of
from marketplace.web.forms.questions import AnswerForm, QuestionForm
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import (
    actor_of,
    attempt,
    forbid_unless,
    page,
    posted_or_404,
    show_refusal,
)
from marketplace.web.request import Request

PER_PAGE = 20
WAITING_MOST = 200


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@kept_for_visitors
def questions(request: Request, address: str) -> HttpResponse:
    scenario = posted_or_404(request, address)
    if scenario.address != address:
        return redirect("scenario-questions", scenario.address)
    actor = actor_of(request)
    files = restricted_files(actor, scenario)
    waiting = list(waiting_of(actor, scenario)[:WAITING_MOST])
    offered = [(str(row.uid), f"{label(row)}：{row.text}") for row in waiting]
    asking = QuestionForm(files=files)
    answering = AnswerForm(questions=offered, files=files)
    error: DomainError | None = None
    form: forms.Form
    if request.method == "POST":
        forbid_unless(actor.user_id is not None)
        if request.POST.get("do") == "answer":
            answering = AnswerForm(request.POST, questions=offered, files=files)
            form, error = answering, _answer(request, scenario)
        else:
            asking = QuestionForm(request.POST, files=files)
            form, error = asking, _ask(request, scenario)
        if error is None:
            return redirect("scenario-questions", scenario.address)
        show_refusal(form, error)
    context = published.head(request, scenario, "questions") | told(request, scenario, waiting)
    context |= {"asking": asking, "answering": answering}
    context["faults"] = answering if answering.errors else asking
    box = None if isinstance(error, Invalid) else error
    response = page(request, "public/questions.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def told(request: Request, scenario: Scenario, waiting: list[Question]) -> dict[str, Any]:
    actor, now = actor_of(request), clock.now()
    refusal = refusal_to_take_questions(scenario)
    may_answer = can_answer_questions(actor, scenario) and scenario.state == State.PUBLISHED
    owner = can_edit_scenario(actor, scenario)
    own = set(Question.objects.own(actor).filter(scenario=scenario).values_list("pk", flat=True))
    who = who_asked(actor, scenario)
    lines = [waiting_line(row, scenario, own, now) | named(row, who) for row in waiting]
    pages = Paginator(answers_of(actor, scenario), PER_PAGE)
    shown = pages.get_page(request.GET.get("page"))
    return {
        "page_obj": shown,
        "answers": [answer_line(row, own, who) for row in shown],
        "waiting": lines,
        "withheld": [
            waiting_line(row, scenario, own, now) for row in withheld_from(actor, scenario)
        ],
        "may_ask": can_ask_question(actor, scenario) and refusal is None,
        "why_not": refusal,
        "until": asked_until(scenario),
        # An officer answers once the owner's time is over: until then there is nothing to fill in.
        "may_answer": may_answer and bool(waiting) and (owner or any(o["overdue"] for o in lines)),
        "silence": may_answer and not owner,
    }


def label(row: Question) -> str:
    """提问方 3: all that anybody learns of who asked; an inspector's request opens the name."""
    return _("Asker %(n)s") % {"n": row.asker.number}


def who_asked(actor: Actor, scenario: Scenario) -> dict[int, Organisation]:
    """{asker id: organisation}, for an inspector alone, as far as a request reaches."""
    if not inspects(actor, scenario.uid, scenario.organisation.uid):
        return {}
    rows = scenario.askers.select_related("organisation")
    return {row.pk: row.organisation for row in rows}


def waiting_line(row: Question, scenario: Scenario, own: set[int], now: Any) -> dict[str, Any]:
    due = due_of(row, scenario.profile)
    return {
        "row": row,
        "label": label(row),
        "own": row.pk in own,
        "due_at": due,
        "overdue": due is not None and due <= now,
        "receipt_url": reverse("receipt", args=[row.receipt.uid]) if row.pk in own else "",
    }


def named(row: Question, who: dict[int, Organisation]) -> dict[str, Any]:
    return {"who": who.get(row.asker_id)}


def answer_line(row: Any, own: set[int], who: dict[int, Organisation]) -> dict[str, Any]:
    asked = [reply.question for reply in row.replies.all()]
    return {
        "row": row,
        "restricted": row.attachment if row.attachment and row.attachment.restricted else None,
        "questions": [
            {"row": one, "label": label(one), "own": one.pk in own} | named(one, who)
            for one in asked
        ],
    }


def restricted_files(actor: Actor, scenario: Scenario) -> list[Attachment]:
    if actor.user_id is None:
        return []
    rows = Attachment.objects.visible_to(actor).filter(scenario=scenario, access="restricted")
    return list(rows.order_by("position"))


def _ask(request: Request, scenario: Scenario) -> DomainError | None:
    about = request.POST.get("attachment", "")
    _row, error = attempt(
        actions.ask_question,
        actor=actor_of(request),
        scenario_uid=scenario.uid,
        text=request.POST.get("text", ""),
        attachment_uid=uid_of(about) if about else None,
    )
    if error is None:
        messages.success(
            request, _("Your question is in, under a pseudonym. The receipt stands below.")
        )
    return error


def _answer(request: Request, scenario: Scenario) -> DomainError | None:
    about = request.POST.get("attachment", "")
    _row, error = attempt(
        actions.answer_questions,
        actor=actor_of(request),
        scenario_uid=scenario.uid,
        question_uids=[uid_of(raw) for raw in request.POST.getlist("questions")],
        text=request.POST.get("text", ""),
        attachment_uid=uid_of(about) if about else None,
    )
    if error is None:
        messages.success(request, _("The answer went out, and is on record."))
    return error


urlpatterns = [path("scenarios/<str:address>/questions/", questions, name="scenario-questions")]
