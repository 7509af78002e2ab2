"""Batches 批次: the public page of a call and its announcement, and the office's page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError, Invalid
from marketplace.scenarios import actions
from marketplace.scenarios.batches import queries
from marketplace.scenarios.batches.models import Batch, BatchState
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario
from marketplace.scenarios.rules import can_report_task, can_run_batch
from marketplace.web.attachments import day_of, uid_of
from marketplace.web.documents import uids_of
from marketplace.web.forms.batches import (
    AnnounceForm,
    CallForm,
    CancelForm,
    MeetingForm,
    ReportForm,
    TaskForm,
    initial_of,
)
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
    typed_number,
)
from marketplace.web.request import Request
from marketplace.web.second_factor import fresh_proof
from marketplace.web.shared import Shared, crumbs, listing, page_data, shared, whole
from marketplace.web.templatetags.jiebang import localized_text
from marketplace.web.words import SHANGHAI

LISTED = 100
CALL_FIELDS = ("number", "title", "title_en", "call_number", "closes_at", "text", "text_en")


# -- For everybody ---------------------------------------------------------------------------------
@login_not_required
@require_safe
@kept_for_visitors
def batches(request: Request) -> HttpResponse:
    """Every call that was made, the newest first; officers see their drafts as well."""
    actor = actor_of(request)
    rows = Batch.objects.visible_to(actor).order_by("-number")[:LISTED]
    now = clock.now()
    context = {
        "rows": [{"row": row, "open": queries.takes_demands(row, now)} for row in rows],
        "may_make": can_run_batch(actor, Batch()),
        "shared": shared_list(request, [row for row in rows if row.called_at]),
    }
    return render(request, "batches/list.html", context)


def shared_list(request: Request, rows: list[Batch]) -> Shared:
    pages = [(localized_text(row, "title"), reverse("batch", args=[row.number])) for row in rows]
    here = page_data(whole(request.path), _("Batches"), mainEntity=listing(pages))
    return shared(request, _("Batches"), data=[here])


def shared_batch(request: Request, row: Batch, demands: list[Scenario]) -> Shared:
    title, said = localized_text(row, "title"), localized_text(row, "text")
    rows = listing(
        (localized_text(one, "title"), reverse("scenario", args=[one.address])) for one in demands
    )
    steps = crumbs((_("Batches"), reverse("batches")), (title, request.path))
    here = page_data(whole(request.path), title, mainEntity=rows)
    return shared(request, title, said, data=[here, steps], kind="article")


@login_not_required
@require_safe
@kept_for_visitors
def batch(request: Request, number: int) -> HttpResponse:
    """The call and, once announced, the demands. What is on its way is nobody's here."""
    actor = actor_of(request)
    row = first_or_404(Batch.objects.visible_to(actor).filter(number=number))
    listed = Scenario.objects.public().filter(in_batch__batch=row)
    listed = listed.select_related("organisation", "domain").order_by("ref")
    demands = list(listed) if row.state == BatchState.ANNOUNCED else []
    now = clock.now()
    context = {
        "batch": row,
        "open": queries.takes_demands(row, now),
        "now": now,
        "demands": demands,
        "shared": shared_batch(request, row, demands) if row.called_at else None,
        "office": actor.is_office,
    }
    return render(request, "batches/batch.html", context)


# -- For the office --------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    actor = actor_of(request)
    forbid_unless(can_run_batch(actor, Batch()))
    last = Batch.objects.order_by("-number").values_list("number", flat=True).first() or 0
    form, error = CallForm(initial={"number": last + 1}), None
    if request.method == "POST":
        form = CallForm(request.POST)
        made, error = attempt(actions.create_batch, actor=actor, data=_call(request))
        if error is None:
            messages.success(request, _("The draft of the call is saved."))
            return redirect("batch-office", number=made.number)
        show_refusal(form, error)
    return _answer(request, "batches/new.html", {"form": form, "wrong": form}, error)


@require_http_methods(["GET", "POST"])
@fresh_proof(do="announce")
def office(request: Request, number: int) -> HttpResponse:
    """One batch as the office runs it: call, demands, meeting, tasks, announcement."""
    actor = actor_of(request)
    forbid_unless(actor.is_office)
    row = first_or_404(Batch.objects.visible_to(actor).filter(number=number))
    found = queries.entries(actor, row)
    forms = _forms(actor, row, found)
    error, problems = None, {}
    if request.method == "POST":
        error = _change(request, actor, row, forms)
        if error is None:
            row.refresh_from_db()
            return redirect("batch-office", number=row.number)
        problems = _by_demand(error, found)
        row.refresh_from_db()
    today = clock.today()
    tasks = row.tasks.select_related("responsible").order_by("due_date", "pk")
    context = {
        "batch": row,
        "entries": [{"entry": e, "problems": problems.get(str(e.scenario.uid), [])} for e in found],
        "tasks": [
            {
                "task": task,
                "light": task.light(today),
                "form": ReportForm(prefix=f"t{task.pk}", initial={"progress": task.progress})
                if can_report_task(actor, task)
                else None,
                "reports": list(task.reports.select_related("reported_by").order_by("-pk")[:5]),
            }
            for task in tasks
        ],
        "forms": forms,
        "may_run": can_run_batch(actor, row),
        "may_gather": row.state == BatchState.CALLED
        and not queries.takes_demands(row, clock.now()),
        "takeable": queries.may_be_taken(actor)[:LISTED]
        if can_run_batch(actor, row) and row.state in {BatchState.CALLED, BatchState.GATHERED}
        else [],
        "wrong": next((form for form in forms.values() if form and form.errors), None),
    }
    return _answer(request, "batches/office.html", context, error)


def _forms(actor: Actor, row: Batch, found: list[queries.Entry]) -> dict[str, Any]:
    forms: dict[str, Any] = dict.fromkeys(("save", "meeting", "task", "announce", "cancel"))
    if actor.role != Role.OFFICER:
        return forms
    if row.state == BatchState.DRAFT:
        forms["save"] = CallForm(initial=initial_of(row))
    if row.state in {BatchState.CALLED, BatchState.GATHERED}:
        at = row.meeting_at and f"{row.meeting_at.astimezone(SHANGHAI):%Y-%m-%dT%H:%M}"
        forms["meeting"] = MeetingForm(
            initial={
                "meeting_at": at or "",
                "meeting_place": row.meeting_place,
                "minutes_number": row.minutes_number,
            }
        )
    if row.state not in {BatchState.ANNOUNCED, BatchState.CANCELLED}:
        forms["task"] = TaskForm(people=queries.people_of_the_office(), prefix="task")
        forms["cancel"] = CancelForm(prefix="cancel")
    ready = [entry for entry in found if entry.ready]
    if row.state == BatchState.GATHERED and ready:
        people = queries.key_holders_for([entry.scenario for entry in ready])
        start = {"demands": [str(entry.scenario.uid) for entry in ready]}
        forms["announce"] = AnnounceForm(entries=ready, people=people, initial=start)
    return forms


def _change(
    request: Request, actor: Actor, row: Batch, forms: dict[str, Any]
) -> DomainError | None:
    """Call the one action that the pressed button names; a refused form keeps what was typed."""
    post, do = request.POST, request.POST.get("do", "")
    if do == "announce" and not post.get("sure"):
        error: DomainError | None = Invalid(
            errors={"sure": [_("Confirm that you have read what is frozen.")]}
        )
    elif do in MOVES:
        _done, error = MOVES[do](request, actor, row)
    else:
        error = Invalid(errors={"do": [_("Choose what the office does.")]})
    if error is None:
        messages.success(request, _("Done, and written into the record."))
        return None
    form = forms.get(do)
    if form is not None:
        form.data, form.is_bound = post, True
        if error.code == "batch.not_published":
            form.add_error(None, str(error))
        show_refusal(form, error)
    return error


def _call(request: Request) -> dict[str, Any]:
    return {name: request.POST.get(name, "") for name in CALL_FIELDS}


def _save(request: Request, actor: Actor, row: Batch) -> Any:
    revision = typed_number(request.POST.get("revision", "")) or 0
    return attempt(
        actions.save_batch,
        actor=actor,
        batch_uid=row.uid,
        revision=revision,
        data=_call(request),
    )


def _meeting(request: Request, actor: Actor, row: Batch) -> Any:
    names = ("meeting_at", "meeting_place", "minutes_number")
    given = {name: request.POST.get(name, "") for name in names}
    return attempt(actions.set_meeting, actor=actor, batch_uid=row.uid, **given)


def _task(request: Request, actor: Actor, row: Batch) -> Any:
    post = request.POST
    person = post.get("task-responsible", "")
    return attempt(
        actions.add_task,
        actor=actor,
        batch_uid=row.uid,
        title=post.get("task-title", ""),
        due_date=day_of(post.get("task-due_date", "")),
        responsible_uid=uid_of(person) if person else None,
        responsible_office=post.get("task-responsible_office", ""),
    )


def _report(request: Request, actor: Actor, row: Batch) -> Any:
    task = first_or_404(row.tasks.filter(uid=uid_of(request.POST.get("task", ""))))
    given = {n: request.POST.get(f"t{task.pk}-{n}", "") for n in ("progress", "words")}
    return attempt(actions.report_task, actor=actor, task_uid=task.uid, **given)


def _announce(request: Request, actor: Actor, row: Batch) -> Any:
    post = request.POST
    return attempt(
        actions.announce_batch,
        actor=actor,
        batch_uid=row.uid,
        announcement_number=post.get("announcement_number", ""),
        scenario_uids=uids_of(post.getlist("demands")),
        key_holder_uids=uids_of(post.getlist("key_holders")),
        deadline_at=post.get("deadline_at") or None,
    )


def _plainly(action: Any) -> Any:
    return lambda _request, actor, row: attempt(action, actor=actor, batch_uid=row.uid)


def _of_demand(action: Any, **more: bool) -> Any:
    def call(request: Request, actor: Actor, row: Batch) -> Any:
        given = {"batch_uid": row.uid} if more.get("batch") else {}
        uid = uid_of(request.POST.get("demand", ""))
        return attempt(action, actor=actor, scenario_uid=uid, **given)

    return call


MOVES: dict[str, Any] = {
    "save": _save,
    "call": _plainly(actions.call_batch),
    "gather": _plainly(actions.gather_batch),
    "cancel": lambda request, actor, row: attempt(
        actions.cancel_batch,
        actor=actor,
        batch_uid=row.uid,
        reason=request.POST.get("cancel-reason", ""),
    ),
    "meeting": _meeting,
    "task": _task,
    "report": _report,
    "announce": _announce,
    "take": _of_demand(actions.take_into_batch, batch=True),
    "leave": _of_demand(actions.leave_batch),
}


def _by_demand(error: DomainError, found: list[queries.Entry]) -> dict[str, list[str]]:
    """{demand's uid: why it could not be published}."""
    return {
        str(entry.scenario.uid): [str(said) for said in error.errors[name]]
        for entry in found
        for name in [f"demand-{entry.scenario.uid}"]
        if name in error.errors
    }


# -- The owner's part ------------------------------------------------------------------------------
def batch_shown(actor: Actor, scenario: Scenario) -> dict[str, Any]:
    """For the gate: in which batch it stands, or which calls it may join now."""
    own = actor.writes and actor.organisation_id == scenario.organisation_id
    now, standing = clock.now(), queries.batch_of(scenario)
    joins = own and standing is None and scenario.state in queries.FILED
    return {
        "batch": standing,
        "calls": queries.open_calls(now) if joins else [],
        "may_leave": own and standing is not None and queries.takes_demands(standing, now),
    }


@require_POST
def join(request: Request, address: str) -> HttpResponse:
    """Under a call, or out of it again."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    given: dict[str, Any] = {"actor": actor, "scenario_uid": scenario.uid}
    if request.POST.get("do") == "leave":
        _row, error = attempt(actions.leave_batch, **given)
        done = _("The demand stands in no batch any more.")
    else:
        batch_uid = uid_of(request.POST.get("batch", ""))
        _row, error = attempt(actions.file_under_call, batch_uid=batch_uid, **given)
        done = _("The demand is filed under the call.")
    if error is None:
        messages.success(request, done)
    else:
        messages.error(request, str(error))
    name = "scenario-gate" if scenario.state in BEFORE_PUBLICATION else "scenario"
    return redirect(name, address=scenario.address)


def _answer(
    request: Request, template: str, context: dict[str, Any], error: DomainError | None
) -> HttpResponse:
    box = None if isinstance(error, Invalid) else error
    response = page(request, template, context, error=box)
    response.status_code = error.status if error else 200
    return response


urlpatterns = [
    path("batches/", batches, name="batches"),
    path("batches/new/", new, name="batch-new"),
    path("batches/<int:number>/", batch, name="batch"),
    path("batches/<int:number>/office/", office, name="batch-office"),
    path("scenarios/<str:address>/batch/", join, name="scenario-batch"),
]
