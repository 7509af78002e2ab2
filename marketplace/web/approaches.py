"""打招呼登记: file an approach, and read one's own (an inspector: those that a request opens)."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.scenarios.models import Scenario
from marketplace.supervision import actions, queries
from marketplace.web.forms.supervision import ApproachForm
from marketplace.web.pages import actor_of, attempt, page, show_refusal
from marketplace.web.request import Request

PER_PAGE = 30


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def approaches(request: Request) -> HttpResponse:
    actor = actor_of(request)
    form = ApproachForm(request.POST if request.method == "POST" else None, actor=actor)
    error = None
    if form.is_valid():
        _row, error = attempt(actions.register_approach, actor=actor, **form.given())
        if error is None:
            messages.success(request, _("The approach is registered. The inspector can read it."))
            return redirect("approaches")
        show_refusal(form, error)
    listed = Paginator(queries.approaches(actor), PER_PAGE).get_page(request.GET.get("page"))
    named = [row.scenario_uid for row in listed.object_list if row.scenario_uid]
    demands = Scenario.objects.visible_to(actor).filter(uid__in=named)
    known: dict[UUID | None, Scenario] = {demand.uid: demand for demand in demands}
    context = {
        "form": form,
        "rows": [{"row": r, "demand": known.get(r.scenario_uid)} for r in listed.object_list],
        "page_obj": listed,
    }
    response = page(request, "supervision/approaches.html", context, error=error)
    if form.errors:
        response.status_code = 422
    return response


urlpatterns = [path("approaches/", approaches, name="approaches")]
