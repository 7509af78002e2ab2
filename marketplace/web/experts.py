"""The pool of experts: the office's list and entries, and each expert's own record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError
from marketplace.experts import actions, queries
from marketplace.experts.candidates import REASONS
from marketplace.experts.models import Expert, ExpertKind
from marketplace.experts.numbers import numbers_of
from marketplace.experts.rules import (
    can_confirm_record,
    can_edit_expert,
    can_import_experts,
    can_state_interest,
    can_strike_interest,
)
from marketplace.scenarios.queries import specialties
from marketplace.web.forms.experts import (
    EntryForm,
    NewExpertForm,
    SuspendForm,
    TieForm,
    UntilForm,
    stands,
)
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    show_refusal,
    typed_number,
    uid_or_404,
)
from marketplace.web.request import Request
from marketplace.web.templatetags.jiebang import term as term_name

PER_PAGE = 30
STANDINGS = {
    "ready": gettext_lazy("May be drawn"),
    "expiring": gettext_lazy("Expires soon"),
    "unconfirmed": gettext_lazy("Not confirmed for a year"),
    "expired": gettext_lazy("Expired"),
    "suspended": gettext_lazy("Suspended from draws"),
    "workload": gettext_lazy("Has enough panels"),
    "title": gettext_lazy("Title too low"),
    "years": gettext_lazy("Too few years"),
    "kind": gettext_lazy("Neither technical nor economic"),
    "role": gettext_lazy("Watches or measures"),
    "inactive": gettext_lazy("No expert any more"),
}


def specialty_terms() -> dict[str, str]:
    """{code: its word} of the vocabulary."""
    return {row.code: term_name(row) for row in specialties()}


# -- The list ----------------------------------------------------------------------------------------
@never_cache
@require_safe
def experts(request: Request) -> HttpResponse:
    actor = actor_of(request)
    if not actor.is_office:
        raise Http404
    terms = specialty_terms()
    asked = {name: request.GET.get(name, "") for name in ("words", "specialty", "kind", "standing")}
    asked["words"] = asked["words"].replace("\x00", "")[:80].strip()
    asked["specialty"] = asked["specialty"] if asked["specialty"] in terms else ""
    asked["kind"] = asked["kind"] if asked["kind"] in ExpertKind.values else ""
    asked["standing"] = asked["standing"] if asked["standing"] in STANDINGS else ""
    rows = queries.found(queries.entries(actor), **asked)
    listed = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    chosen = {name: value for name, value in asked.items() if value}
    year = clock.today().year
    context = {
        "rows": [line(row, terms, year) for row in listed.object_list],
        "page_obj": listed,
        "query": urlencode(chosen),
        "asked": asked,
        "groups": [
            rail(_("Specialty"), "specialty", terms, chosen),
            rail(_("Kind of expert"), "kind", dict(ExpertKind.choices), chosen),
            rail(_("Standing"), "standing", STANDINGS, chosen),
        ],
        "may_manage": can_import_experts(actor, None),
        "numbers": numbers_of(None),
    }
    return page(request, "experts/list.html", context)


def rail(title: str, name: str, offered: Any, chosen: dict[str, str]) -> dict[str, Any]:
    """One group of the filters; a link drops its filter where it is chosen."""
    rest = {key: value for key, value in chosen.items() if key != name}
    links = [
        {
            "label": label,
            "current": chosen.get(name) == code,
            "url": "?" + urlencode(rest if chosen.get(name) == code else rest | {name: code}),
        }
        for code, label in offered.items()
    ]
    return {"title": title, "links": links}


def line(row: Any, terms: dict[str, str], year: int) -> dict[str, Any]:
    since = row.field_from_year
    return {
        "expert": row,
        "specialties": [terms.get(code, code) for code in row.specialties],
        "years": None if since is None else year - since,
        "standing": row.barred or "ready",
        "standing_word": STANDINGS.get(row.barred or "ready", ""),
        "why": REASONS.get(row.barred, ""),
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: Request) -> HttpResponse:
    actor = actor_of(request)
    if not actor.is_office:
        raise Http404
    forbid_unless(can_import_experts(actor, None))
    terms = specialty_terms()
    given = request.POST if request.method == "POST" else None
    form = NewExpertForm(given, specialties=terms)
    error = None
    if given is not None:
        row, error = attempt(
            actions.register_expert, actor=actor, data=form.typed(), known=set(terms)
        )
        if error is None:
            messages.success(request, _("The expert is in the pool."))
            return redirect("expert", uid=row.uid)
        show_refusal(form, error)
    return page(request, "experts/new.html", {"form": form}, error=error)


# -- One entry ---------------------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def expert(request: Request, uid: UUID) -> HttpResponse:
    """For the office: what stands, ties, workload, and what may be done."""
    actor = actor_of(request)
    row = first_or_404(queries.entries(actor).filter(uid=uid))
    if actor.user_id == row.user_id and not actor.is_office:
        return mine(request) if request.method == "POST" else redirect("my-record")
    return entry(request, actor, row, reverse("expert", args=[uid]))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: Request) -> HttpResponse:
    """The expert's own record: corrected where it is wrong, confirmed once a year."""
    actor = actor_of(request)
    if actor.role != Role.EXPERT:
        raise Http404
    row = queries.entries(actor).filter(user=actor.user_id).first()
    if row is None:
        # Invited as an expert, and not entered yet.
        return page(request, "experts/none.html", {})
    return entry(request, actor, row, reverse("my-record"))


def entry(request: Request, actor: Actor, row: Any, back: str) -> HttpResponse:
    terms = specialty_terms()
    given = request.POST if request.method == "POST" else None
    do = request.POST.get("do", "") if given is not None else ""
    form = EntryForm(given if do == "edit" else None, specialties=terms, initial=stands(row))
    tie_form = TieForm(given if do == "tie" else None, auto_id="tie_%s")
    suspend_form = SuspendForm(given if do == "suspend" else None, auto_id="s_%s")
    error: DomainError | None = None
    if given is not None:
        done = deeds(request, actor, row, terms, form=form, tie=tie_form, suspend=suspend_form)
        if do not in done:
            raise Http404
        action, values, said, shown = done[do]
        _row, error = attempt(action, actor=actor, **values)
        if error is None:
            messages.success(request, said)
            return redirect(back)
        if shown is not None:
            show_refusal(shown, error)
    ties = queries.ties_of(actor, row)
    today = clock.today()
    context = {
        **line(row, terms, today.year),
        "own": actor.user_id == row.user_id,
        "ties": [
            {
                "tie": tie,
                "over": queries.ended(tie, today),
                "may_end": not queries.ended(tie, today) and can_state_interest(actor, row),
                "may_strike": can_strike_interest(actor, tie),
                "until": UntilForm(auto_id=f"u{tie.pk}_%s"),
            }
            for tie in ties
        ],
        "form": form,
        "tie_form": tie_form,
        "suspend_form": suspend_form,
        "may_edit": can_edit_expert(actor, row),
        "may_state": can_state_interest(actor, row),
        "may_confirm": can_confirm_record(actor, row),
        "confirm_due": row.confirmed_at is None
        or row.confirmed_at <= clock.now() - queries.CONFIRM_EVERY,
        "numbers": numbers_of(None),
    }
    template = "experts/mine.html" if context["own"] else "experts/expert.html"
    return page(request, template, context, error=error)


Deed = tuple[Callable[..., Any], dict[str, Any], str, Any]


def deeds(
    request: Request,
    actor: Actor,
    row: Expert,
    terms: dict[str, str],
    *,
    form: EntryForm,
    tie: TieForm,
    suspend: SuspendForm,
) -> dict[str, Deed]:
    """What the buttons of the page do: the action, its values, what is said then, its form."""
    number = typed_number(request.POST.get("revision")) or 0
    which = {"expert_uid": row.uid}
    found: dict[str, Deed] = {
        "edit": (
            actions.edit_expert,
            {**which, "revision": number, "data": form.typed(), "known": set(terms)},
            _("The entry is changed."),
            form,
        ),
        "suspend": (
            actions.suspend_expert,
            {**which, "reason": suspend["reason"].value()},
            _("The entry is suspended: it is not drawn."),
            suspend,
        ),
        "lift": (actions.lift_suspension, which, _("The suspension is lifted."), None),
        "tie": (
            actions.add_interest,
            {**which, "data": tie.typed()},
            _("The tie is entered."),
            tie,
        ),
        "confirm": (
            actions.confirm_record,
            {**which, "revision": number},
            _("Thank you. Your record is confirmed for a year."),
            None,
        ),
    }
    if request.POST.get("do") in {"end", "strike"}:
        interest = {"interest_uid": uid_or_404(request.POST.get("row", ""))}
        day = request.POST.get("until_date", "")
        found["end"] = (
            actions.end_interest,
            {**interest, "until_date": day},
            _("The tie has ended."),
            None,
        )
        found["strike"] = (actions.strike_interest, interest, _("The tie is struck out."), None)
    return found


urlpatterns = [
    path("desk/experts/", experts, name="experts"),
    path("desk/experts/new/", new, name="expert-new"),
    path("experts/<uuid:uid>/", expert, name="expert"),
    path("desk/my-record/", mine, name="my-record"),
]
