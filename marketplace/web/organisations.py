"""Pages of an organisation: what everybody reads, and what its people state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations import actions, queries
from marketplace.accounts.rules import (
    can_edit_organisation,
)
from marketplace.awards.track_record import FIGURES as WON
from marketplace.awards.track_record import track_record, won
from marketplace.base import clock
from marketplace.base.actor import VISITOR, Actor, Role
from marketplace.base.errors import DomainError
from marketplace.scenarios.disclosure.mask import unveiled
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.owner_record import FIGURES, days_to_publish, record
from marketplace.web.forms.people import (
    ControlForm,
    ProfileForm,
    RelationForm,
    capability_terms,
)
from marketplace.web.kept import kept_for_visitors
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    show_refusal,
    uid_or_404,
)
from marketplace.web.request import Request
from marketplace.web.shared import Shared, ids, organisation_data, page_data, shared, whole
from marketplace.web.templatetags.jiebang import localized_text
from marketplace.web.words import english

PER_PAGE = 30
DEMANDS_SHOWN = 20


def organisation_or_404(request: Request, uid: UUID) -> Organisation:
    return first_or_404(Organisation.objects.visible_to(actor_of(request)).filter(uid=uid))


def tabs(actor: Actor, organisation: Organisation, current: str) -> list[dict[str, Any]]:
    """The pages of one organisation that this actor may open; none where there is only one."""
    sees = queries.sees_inside(actor, organisation)
    pages = {
        "organisation": (_("Public page"), True),
        "organisation-profile": (_("Profile"), can_edit_organisation(actor, organisation)),
        "organisation-control": (_("Control and relations"), sees),
        "organisation-members": (_("Members"), sees),
        "organisation-verification": (
            _("Verification"),
            sees and not organisation.is_office and actor.role != Role.VIEWER,
        ),
    }
    shown = [
        {
            "url": reverse(name, args=[organisation.uid]),
            "label": label,
            "current": name == current,
            "count": None,
        }
        for name, (label, may) in pages.items()
        if may
    ]
    return shown if len(shown) > 1 else []


# -- What everybody reads ----------------------------------------------------------------------------
@login_not_required
@require_safe
@kept_for_visitors
def organisation(request: Request, uid: UUID) -> HttpResponse:
    """The public page of a verified organisation, with the demands that it posted."""
    row = organisation_or_404(request, uid)
    actor = actor_of(request)
    words = capability_terms() if row.capabilities else {}
    public = Scenario.objects.visible_to(VISITOR).filter(unveiled(actor), organisation=row)
    demands = public.exclude(published_at=None).order_by("-published_at", "-pk")
    context = {
        "organisation": row,
        "tabs": tabs(actor, row, "organisation"),
        "capabilities": [
            {"word": words[code], "url": f"{reverse('board')}?{urlencode({'technology': code})}"}
            for code in row.capabilities
            if code in words
        ],
        "edits": can_edit_organisation(actor, row),
        "demands": demands[:DEMANDS_SHOWN],
        "record": record(row) if row.is_owner else [],
        "track": track_record(row) if row.is_vendor else [],
        "won": won(row)[:DEMANDS_SHOWN] if row.is_vendor else [],
        "shared": shared_organisation(
            request, row, [words[code] for code in row.capabilities if code in words]
        ),
    }
    return page(request, "organisations/public.html", context)


def figure_or_404(row: Organisation, name: str) -> tuple[Any, Callable[[Organisation], Any]]:
    """Of an owner its record, of a vendor what it won; nothing of what it is not."""
    known = {**(FIGURES if row.is_owner else {}), **(WON if row.is_vendor else {})}
    if name not in known:
        raise Http404
    return known[name]


def shared_organisation(
    request: Request, row: Organisation, capabilities: list[str], label: str = ""
) -> Shared | None:
    """None of one that its own people and the office alone see."""
    if row.verified_at is None:
        return None
    name = localized_text(row, "name")
    if label:
        about = {"@id": ids(reverse("organisation", args=[row.uid]), "organisation")}
        here = page_data(whole(request.path), f"{label} · {name}", about=about)
        return shared(request, f"{label} · {name}", data=[here])
    said = organisation_data(row, capabilities)
    described = str(localized_profile(row))
    here = page_data(whole(request.path), name, mainEntity={"@id": said["@id"]})
    return shared(request, name, described, data=[here, said], kind="profile")


def localized_profile(row: Organisation) -> str:
    first, second = row.profile_zh, row.profile_en
    return second or first if english() else first or second


@login_not_required
@require_safe
@kept_for_visitors
def record_list(request: Request, uid: UUID, figure: str) -> HttpResponse:
    """The demands behind one figure of the owner's record."""
    row = organisation_or_404(request, uid)
    label, rows = figure_or_404(row, figure)
    days = days_to_publish(row) if figure == "time" else {}
    shown = Paginator(rows(row), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "organisation": row,
        "tabs": tabs(actor_of(request), row, "organisation"),
        "label": label,
        "shared": shared_organisation(request, row, [], str(label)),
        "page_obj": shown,
        "lines": [{"scenario": scenario, "days": days.get(scenario.pk)} for scenario in shown],
    }
    return page(request, "organisations/record.html", context)


# -- What its people state ---------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def profile(request: Request, uid: UUID) -> HttpResponse:
    row = organisation_or_404(request, uid)
    actor = actor_of(request)
    forbid_unless(can_edit_organisation(actor, row))
    form = ProfileForm(request.POST or None, organisation=row)
    error = None
    if request.method == "POST":
        if form.unknown_capabilities():
            form.add_error("capabilities", _("Choose among the values offered."))
        else:
            error = save(form, actor, row)
            if error is None:
                messages.success(request, _("Saved."))
                return HttpResponseRedirect(reverse("organisation-profile", args=[uid]))
    context = {
        "organisation": row,
        "tabs": tabs(actor, row, "organisation-profile"),
        "form": form,
    }
    return answer(request, "organisations/profile.html", context, form, error)


def save(form: ProfileForm, actor: Actor, row: Organisation) -> DomainError | None:
    typed = form.typed()
    revision = str(typed.pop("revision") or "")
    _row, error = attempt(
        actions.save_profile,
        actor=actor,
        organisation_uid=row.uid,
        revision=int(revision) if revision.isdecimal() and len(revision) < 10 else -1,
        data=typed,
    )
    if error:
        show_refusal(form, error)
    return error


def answer(
    request: Request,
    template: str,
    context: dict[str, Any],
    form: Any,
    error: DomainError | None,
) -> HttpResponse:
    """A refusal by an action keeps its status; what the page itself refuses is 422."""
    response = page(request, template, context, error=error)
    if error is None and form is not None and form.is_bound and form.errors:
        response.status_code = 422
    return response


@require_http_methods(["GET", "POST"])
def control(request: Request, uid: UUID) -> HttpResponse:
    """Who controls it and to whom it is tied; each is added, or ended by a date."""
    row = organisation_or_404(request, uid)
    actor = actor_of(request)
    if not queries.sees_inside(actor, row):
        raise Http404
    may_edit = can_edit_organisation(actor, row)
    do = request.POST.get("do", "")
    forms_here = {
        "control": ControlForm(request.POST if do == "control" else None, prefix="control"),
        "relation": RelationForm(request.POST if do == "relation" else None, prefix="relation"),
    }
    error = None
    if request.method == "POST":
        forbid_unless(may_edit)
        error = _change_ties(request, actor, row, do, forms_here)
        if error is None:
            messages.success(
                request, _("Kept. It counts once the office has verified the organisation again.")
            )
            return HttpResponseRedirect(reverse("organisation-control", args=[uid]))
    context = {
        "organisation": row,
        "tabs": tabs(actor, row, "organisation-control"),
        "controls": queries.controls(actor, row),
        "relations": queries.relations(actor, row),
        "may_edit": may_edit,
        **{f"{name}_form": form for name, form in forms_here.items()},
    }
    return page(request, "organisations/control.html", context, error=error)


def _change_ties(
    request: Request, actor: Actor, row: Organisation, do: str, forms_here: dict[str, Any]
) -> DomainError | None:
    state: dict[str, Callable[..., Any]] = {
        "control": actions.state_control,
        "relation": actions.state_relation,
    }
    end: dict[str, Callable[..., Any]] = {
        "end-control": actions.end_control,
        "end-relation": actions.end_relation,
    }
    if do in state:
        form = forms_here[do]
        _row, error = attempt(state[do], actor=actor, organisation_uid=row.uid, data=form.typed())
        if error:
            show_refusal(form, error)
        return error
    if do not in end:
        raise Http404
    given = {f"{do.removeprefix('end-')}_uid": uid_or_404(request.POST.get("row", ""))}
    _row, error = attempt(
        end[do], actor=actor, until_date=request.POST.get("until_date", ""), **given
    )
    return error


@never_cache
@require_GET
def office_queue(request: Request) -> HttpResponse:
    """For the office: what waits first, then everybody."""
    actor = actor_of(request)
    if not actor.is_office:
        raise Http404
    rows = Paginator(queries.all_organisations(actor), PER_PAGE).get_page(request.GET.get("page"))
    waiting = queries.to_verify(actor)[:PER_PAGE] if rows.number == 1 else []
    context = {"page_obj": rows, "waiting": waiting, "now": clock.now()}
    return page(request, "organisations/queue.html", context)


urlpatterns = [
    path("desk/organisations/", office_queue, name="organisations-office"),
    path("organisations/<uuid:uid>/", organisation, name="organisation"),
    path("organisations/<uuid:uid>/record/<slug:figure>/", record_list, name="owner-record"),
    path("organisations/<uuid:uid>/profile/", profile, name="organisation-profile"),
    path("organisations/<uuid:uid>/control/", control, name="organisation-control"),
]
