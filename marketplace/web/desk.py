from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from marketplace.desk.queries import waiting_for, waiting_on
from marketplace.web.pages import actor_of
from marketplace.web.request import Request


def desk(request: Request) -> HttpResponse:
    """First what waits for me, by deadline; second what I wait for. Nothing else."""
    actor = actor_of(request)
    return render(
        request,
        "desk/desk.html",
        {"waiting_for": waiting_for(actor), "waiting_on": waiting_on(actor)},
    )


urlpatterns = [path("desk/", desk, name="desk")]
