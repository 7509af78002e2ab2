from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from marketplace.base.actor import Role
from marketplace.desk.queries import waiting_for, waiting_on
from marketplace.desk.supervision import sections_for
from marketplace.notices.queries import unread_count
from marketplace.supervision.queries import waiting
from marketplace.web.pages import actor_of
from marketplace.web.request import Request


def desk(request: Request) -> HttpResponse:
    """First what waits for me, by deadline; second what I wait for. Nothing else."""
    actor = actor_of(request)
    mine = waiting_for(actor)
    # What waits for me is told once, though others wait for it with me.
    told = {task.scenario.pk for task in mine}
    others = [task for task in waiting_on(actor) if task.scenario.pk not in told]
    return render(
        request,
        "desk/desk.html",
        {
            "waiting_for": mine,
            "waiting_on": others,
            "unread": unread_count(actor),
            "owes": actor.owes(),
            "sections": sections_for(actor),
            "tips_waiting": waiting(actor)["tips"] if actor.role == Role.INSPECTOR else 0,
        },
    )


urlpatterns = [path("desk/", desk, name="desk")]
