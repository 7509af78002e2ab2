"""The office's queue as a page: filters in the address, stalls marked, the rule published."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from marketplace.desk.queue import MOST, STAGES, WHO, queue
from marketplace.scenarios.batches.models import Batch
from marketplace.scenarios.models import BEFORE_PUBLICATION, State
from marketplace.web.pages import actor_of, forbid_unless, typed_number
from marketplace.web.request import Request

STEPS = 100


@require_safe
def office_queue(request: Request) -> HttpResponse:
    actor = actor_of(request)
    forbid_unless(actor.is_office)
    asked = request.GET
    stage = asked.get("stage", "") if asked.get("stage", "") in STAGES else ""
    who = asked.get("who", "") if asked.get("who", "") in WHO else ""
    batch = typed_number(asked.get("batch"), digits=4)
    stalled = asked.get("stalled") == "1"
    found = queue(actor, stage=stage, who=who, batch=batch, stalled=stalled)
    numbers = Batch.objects.order_by("-number").values_list("number", flat=True)[:STEPS]
    context: dict[str, Any] = {
        "lines": found.lines[:STEPS],
        "count": len(found.lines),
        "shown": STEPS,
        "more": found.more,
        "most": MOST,
        "stages": [(code, State(code).label, code == stage) for code in STAGES],
        "whos": [(code, label, code == who) for code, label in WHO.items()],
        "batches": [(number, number == batch) for number in numbers],
        "stalled": stalled,
        "rule": [
            (State(code).label, WHO[row.who], row.days)
            for code, row in STAGES.items()
            if row.days is not None
        ],
        "before": BEFORE_PUBLICATION,
    }
    return render(request, "desk/queue.html", context)


urlpatterns = [path("desk/queue/", office_queue, name="office-queue")]
