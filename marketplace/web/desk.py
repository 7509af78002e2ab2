from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.queries import holds_keys
from marketplace.base.actor import Actor, Role
from marketplace.desk.organisations import errands
from marketplace.desk.others import over, waiting_on
from marketplace.desk.queries import waiting_for
from marketplace.desk.supervision import sections_for
from marketplace.notices.queries import unread_count
from marketplace.supervision.queries import waiting
from marketplace.web.pages import actor_of
from marketplace.web.request import Request

Text = str | Promise


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
            "errands": errands(actor),
            "unread": unread_count(actor),
            "owes": actor.owes(),
            "sections": sections_for(actor),
            "over": over(actor),
            "idle": None if mine else idle(actor),
            "tips_waiting": waiting(actor)["tips"] if actor.role == Role.INSPECTOR else 0,
        },
    )


@dataclass(frozen=True)
class Idle:
    """What somebody may do for whom nothing waits."""

    text: Text
    url: str
    label: Text
    posts: bool = False


def idle(actor: Actor) -> Idle:
    organisation = actor.organisation
    if organisation and organisation.is_owner and actor.writes:
        text = _(
            "Drafts, decisions and what came back appear here. You can post a demand any time."
        )
        return Idle(text, reverse("scenario-new"), _("Post a new demand"), posts=True)
    if organisation and organisation.is_vendor and actor.writes:
        text = _("Look through the demands that are open for bids; your bids stand below.")
        return Idle(text, reverse("board"), _("See the board"))
    settings = reverse("notice-settings"), _("How messages reach you")
    told = {
        Role.OFFICER: _("Demands that are filed, and decisions to publicise, appear here."),
        Role.SECRETARY: _("Openings that have finished, and panels to see to, appear here."),
        Role.EXPERT: _("When you are asked to sit on a panel, it appears here and you are told."),
        Role.WITNESS: _("Openings appear here as soon as their deadline has passed."),
    }
    if actor.role in told:
        return Idle(told[Role(actor.role)], *settings)
    if holds_keys(actor):
        return Idle(
            _("After a deadline your confirmation is asked here, and you are told."), *settings
        )
    return Idle(
        _("What needs a step of yours appears here by itself."),
        reverse("board"),
        _("See the board"),
    )


urlpatterns = [path("desk/", desk, name="desk")]
