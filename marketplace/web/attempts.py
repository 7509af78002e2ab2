"""An entrant's attempts: handing in, the queue, what became of each; and the owner's course."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Invalid, TooLarge
from marketplace.files import actions as files
from marketplace.files.limits import FILE_LIMIT, LIMITS, Purpose
from marketplace.races.attempts import actions, queries
from marketplace.races.attempts.models import WAITING, Attempt, AttemptState
from marketplace.races.attempts.words import told
from marketplace.races.course import actions as course
from marketplace.races.course.models import Course, CourseFile, CourseKind, CourseState
from marketplace.races.models import Heat, HeatEntry, HeatState, Race
from marketplace.races.plans import is_measured, plan_of
from marketplace.races.rules import can_prepare_course, can_submit_attempt
from marketplace.scenarios.models import Scenario
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    scenario_or_404,
    uid_or_404,
)
from marketplace.web.request import Request

SHOWN_MOST = 200


def race_or_404(request: Request, address: str) -> tuple[Scenario, Race]:
    scenario = scenario_or_404(request, address)
    rows = Race.objects.visible_to(actor_of(request)).filter(scenario=scenario)
    return scenario, first_or_404(rows.select_related("scenario", "design"))


def race_links(actor: Actor, scenario: Scenario) -> list[dict[str, Any]]:
    """From the page of the race: an entrant's attempts, the owner's courses."""
    if actor.organisation_id is None:
        return []
    race = Race.objects.visible_to(actor).filter(scenario=scenario).first()
    if race is None:
        return []
    if can_prepare_course(actor, race):
        return [
            {
                "url": reverse("course", args=[scenario.address, heat.number]),
                "label": _("Course of heat %(n)s") % {"n": heat.number},
                "first": False,
            }
            for heat in race.heats.order_by("number")
        ]
    if not queries.own_entries(actor, race).exists():
        return []
    url = reverse("attempts", args=[scenario.address])
    return [{"url": url, "label": _("My attempts"), "first": True}]


@require_http_methods(["GET", "HEAD", "POST"])
def attempts(request: Request, address: str) -> HttpResponse:
    """One's own attempts, heat by heat, and the form of the open one. For entrants alone."""
    scenario, race = race_or_404(request, address)
    actor = actor_of(request)
    entries = list(queries.own_entries(actor, race))
    if not entries:
        raise Http404
    error = None
    if request.method == "POST":
        heat = next((one.heat for one in entries if one.heat.state == HeatState.OPEN), None)
        error = _hand_in(request, actor, heat or entries[-1].heat)
        if error is None:
            messages.success(request, _("The file is in the queue."))
            return redirect("attempts", address=scenario.address)
    file_errors = error.errors.pop("file", []) if error else []
    context = {
        "scenario": scenario,
        "race": race,
        "heats": [heat_shown(actor, entry) for entry in entries],
        "now": clock.now(),
        "bytes_most": LIMITS[Purpose.RESULT].bytes_most,
        "plain_most": FILE_LIMIT,
        "file_errors": file_errors,
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "races/attempts.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def heat_shown(actor: Actor, entry: HeatEntry) -> dict[str, Any]:
    plan = plan_of(entry.heat)
    now = clock.now()
    rows = list(queries.attempts_of(actor, entry)[:SHOWN_MOST])
    places = queries.queue_places(rows)
    is_open = entry.heat.state == HeatState.OPEN and now < entry.heat.ends_at
    quota = queries.quota_left(entry, plan, now.astimezone(clock.SHANGHAI).date())
    return {
        "heat": entry.heat,
        "plan": plan,
        "name": plan["name"],
        "name_en": plan["name_en"],
        "open": is_open,
        "quota": quota,
        "may": is_open and can_submit_attempt(actor, entry.entrant),
        "inputs": CourseFile.objects.readable_by(actor).filter(course__heat=entry.heat),
        "attempts": [
            {"row": row, "place": places.get(row.pk), "board": figures(row)} for row in rows
        ],
    }


def figures(row: Attempt) -> list[dict[str, str]]:
    """What the board shows of it: the metric's code and its rounded value."""
    if row.state != AttemptState.SCORED:
        return []
    return [
        {"metric": metric, "value": figure.get("value", "—")}
        for metric, figure in row.run.board.items()
    ]


def _hand_in(request: Request, actor: Actor, heat: Heat) -> DomainError | None:
    upload, error = _came(request, actor, Purpose.RESULT)
    if error is None:
        _row, error = attempt(
            actions.submit_attempt, actor=actor, heat_uid=heat.uid, upload_uid=upload
        )
    return error


def _came(request: Request, actor: Actor, purpose: Purpose) -> tuple[Any, DomainError | None]:
    """The uid of the upload that the form names, or of the small file that came inside it."""
    came = request.FILES.get("file")
    if getattr(request, "upload_refused", False) or (came and (came.size or 0) > FILE_LIMIT):
        sentence = _("Without scripts a file may have at most %(most)s MiB.")
        return None, TooLarge(sentence % {"most": FILE_LIMIT // 1024**2})
    if request.POST.get("upload"):
        return uid_or_404(request.POST["upload"]), None
    if not came:
        return None, Invalid(errors={"file": [_("Choose a file.")]})
    stored, error = attempt(
        files.store_small, actor=actor, purpose=purpose, name=came.name or "", body=came.read()
    )
    return (stored.uid if stored else None), error


@require_http_methods(["GET", "HEAD", "POST"])
def one(request: Request, uid: UUID) -> HttpResponse:
    """One attempt: where it stands, its log, its first faults by row and column."""
    actor = actor_of(request)
    rows = Attempt.objects.visible_to(actor).filter(uid=uid)
    row = first_or_404(
        rows.select_related(
            "entry__heat__race__scenario", "entry__heat__race__design", "run"
        ).select_related("entry__entrant", "upload")
    )
    error = None
    if request.method == "POST":
        deeds = {"cancel": actions.cancel_attempt, "choose": actions.choose_attempt}
        deed = deeds.get(request.POST.get("do", ""))
        if deed is None:
            raise Http404
        _done, error = attempt(deed, actor=actor, attempt_uid=uid)
        if error is None:
            return redirect("attempt", uid=uid)
    heat = row.entry.heat
    own = can_submit_attempt(actor, row.entry.entrant)
    is_open = heat.state == HeatState.OPEN and clock.now() < heat.ends_at
    context = {
        "attempt": row,
        "scenario": heat.race.scenario,
        "heat": heat,
        "plan": plan_of(heat),
        "place": queries.queue_places([row]).get(row.pk),
        "board": figures(row),
        "lines": row.lines.order_by("id"),
        "faults": told(row.faults),
        "waits": row.state in WAITING,
        "now": clock.now(),
        "may_cancel": own and row.state in WAITING,
        "may_choose": own
        and is_open
        and row.state == AttemptState.SCORED
        and not row.chosen
        and plan_of(heat)["choice"] == "chosen",
    }
    return page(request, "races/attempt.html", context, error=error)


@require_http_methods(["GET", "HEAD", "POST"])
def prepare(request: Request, address: str, number: int) -> HttpResponse:
    """The course of one heat, for the owner: files, the sealed truth, the check."""
    scenario, race = race_or_404(request, address)
    actor = actor_of(request)
    heat = first_or_404(race.heats.filter(number=number).select_related("race__design"))
    forbid_unless(can_prepare_course(actor, race))
    error = None
    if request.method == "POST":
        error = _change(request, actor, heat)
        if error is None:
            return redirect("course", scenario.address, number)
    asked = request.POST.get("kind") or request.GET.get("kind", "")
    kind = CourseKind(asked) if asked in CourseKind.values else CourseKind.IDS
    row = Course.objects.filter(heat=heat).first()
    state = row.state if row else CourseState.DRAFT
    file_errors = error.errors.pop("file", []) if error else []
    context = {
        "scenario": scenario,
        "heat": heat,
        "plan": plan_of(heat),
        "course": row,
        "measured": is_measured(plan_of(heat)),
        "files": [course_file(one) for one in row.files.present().order_by("kind", "pk")]
        if row
        else [],
        "faults": told(row.faults) if row else [],
        "editable": heat.state == HeatState.PLANNED and state != CourseState.CHECKING,
        "fixable": heat.state == HeatState.PLANNED and state == CourseState.DRAFT,
        "checking": state == CourseState.CHECKING,
        "recipient": settings.EVALUATION_RECIPIENT,
        "kind": kind,
        "purpose": course.PURPOSES[kind],
        "kinds": [
            {
                "label": choice.label,
                "url": f"?kind={choice}",
                "current": choice == kind,
            }
            for choice in CourseKind
        ],
        "bytes_most": LIMITS[course.PURPOSES[kind]].bytes_most,
        "plain_most": FILE_LIMIT,
        "file_errors": file_errors,
        "missing": [text for texts in error.errors.values() for text in texts] if error else [],
    }
    box = None if isinstance(error, Invalid) else error
    response = page(request, "races/course.html", context, error=box)
    response.status_code = error.status if error else 200
    return response


def course_file(row: CourseFile) -> dict[str, Any]:
    hidden = row.kind == CourseKind.TRUTH
    return {
        "uid": row.uid,
        "name": row.name,
        "url": "" if hidden else reverse("file", args=[row.upload.uid]),
        "size": row.size,
        "sha256": row.sha256,
        "note": row.get_kind_display(),
    }


def _change(request: Request, actor: Actor, heat: Heat) -> DomainError | None:
    do = request.POST.get("do", "")
    if do == "fix":
        _row, error = attempt(course.fix_course, actor=actor, heat_uid=heat.uid)
        return error
    if request.POST.get("remove"):
        _gone, error = attempt(
            course.remove_course_file, actor=actor, file_uid=uid_or_404(request.POST["remove"])
        )
        return error
    kind = request.POST.get("kind", "")
    if kind not in CourseKind.values:
        return Invalid(errors={"file": [_("Choose one of the values offered.")]})
    upload, error = _came(request, actor, course.PURPOSES[CourseKind(kind)])
    if error is None:
        _row, error = attempt(
            course.add_course_file,
            actor=actor,
            heat_uid=heat.uid,
            kind=kind,
            upload_uid=upload,
        )
    elif error.code.startswith("upload.not_age"):
        error = Invalid(errors={"file": [str(error)]})
    return error


urlpatterns = [
    path("scenarios/<str:address>/race/attempts/", attempts, name="attempts"),
    path("attempts/<uuid:uid>/", one, name="attempt"),
    path("scenarios/<str:address>/race/heats/<int:number>/course/", prepare, name="course"),
]
