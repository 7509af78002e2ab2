"""People: the members of an organisation, roles that the office gives, and their invitations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from marketplace.accounts.invitations import actions as invitations
from marketplace.accounts.invitations.actions import Invited
from marketplace.accounts.invitations.models import GIVEN_ROLES, VALID_FOR, Invitation
from marketplace.accounts.members import actions, queries
from marketplace.accounts.models import Organisation, User
from marketplace.accounts.organisations.queries import sees_inside
from marketplace.accounts.rules import can_give_person_roles, can_manage_members
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError, Gone
from marketplace.web.acting import SESSION_KEY
from marketplace.web.forms.people import AccountForm, InviteForm, RoleForm
from marketplace.web.organisations import organisation_or_404, tabs
from marketplace.web.pages import actor_of, attempt, page, show_refusal, uid_or_404
from marketplace.web.request import Request

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


# -- The lists ---------------------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "POST"])
def members(request: Request, uid: UUID) -> HttpResponse:
    """Who belongs to an organisation; whoever manages them invites, changes and removes."""
    row = organisation_or_404(request, uid)
    actor = actor_of(request)
    if not sees_inside(actor, row):
        raise Http404
    may_manage = can_manage_members(actor, row)
    roles = actions.roles_in(row)
    form = invite_form(request, roles)
    done = deed(request, actor, row, form)
    if done.said:
        messages.success(request, done.said)
        return HttpResponseRedirect(done.url or reverse("organisation-members", args=[uid]))
    seats = list(queries.members_of(actor, row))
    context = {
        "organisation": row,
        "tabs": tabs(actor, row, "organisation-members"),
        "seats": [
            (seat, RoleForm(roles=roles, initial={"role": seat.role}, auto_id=f"m{seat.pk}_%s"))
            for seat in seats
        ],
        "may_manage": may_manage,
        "open_invitations": open_lines(queries.open_invitations(actor, row)) if may_manage else [],
        "form": form,
        "made": link_of(request, done.made),
    }
    return page(request, "organisations/members.html", context, error=done.error)


@never_cache
@require_http_methods(["GET", "POST"])
def people(request: Request) -> HttpResponse:
    """The office gives roles to people: experts, evaluators, witnesses, and those who supervise."""
    actor = actor_of(request)
    if not actor.is_office:
        raise Http404
    office = actor.party
    may_manage = can_give_person_roles(actor, office)
    form = invite_form(request, GIVEN_ROLES)
    done = deed(request, actor, office, form)
    if done.said:
        messages.success(request, done.said)
        return HttpResponseRedirect(reverse("people-office"))
    waiting = queries.open_invitations(actor, office, for_person=True)
    context = {
        "rows": queries.person_roles(actor),
        "may_manage": may_manage,
        "open_invitations": open_lines(waiting) if may_manage else [],
        "form": form,
        "made": link_of(request, done.made),
    }
    return page(request, "organisations/people.html", context, error=done.error)


def invite_form(request: Request, roles: Sequence[Role]) -> InviteForm:
    given = request.POST if request.POST.get("do") == "invite" else None
    return InviteForm(given, roles=roles, initial={"language": get_language()})


def open_lines(rows: Any) -> list[tuple[Invitation, Any]]:
    now = clock.now()
    return [(row, row.shown_state(now)) for row in rows]


class Done:
    """What a POST came to: a sentence, a link to show, or a refusal."""

    def __init__(self) -> None:
        self.said = self.url = ""
        self.made: Invited | None = None
        self.error: DomainError | None = None


def deed(request: Request, actor: Actor, row: Organisation, form: InviteForm) -> Done:
    """Do what the button said, by one action."""
    done = Done()
    if request.method != "POST":
        return done
    do = request.POST.get("do", "")
    if do == "invite":
        made, done.error = attempt(
            invitations.invite, actor=actor, organisation_uid=row.uid, **form.typed()
        )
        if done.error:
            show_refusal(form, done.error)
        return sent(done, made)
    uid = uid_or_404(request.POST.get("row", ""))
    if do == "again":
        made, done.error = attempt(invitations.send_again, actor=actor, invitation_uid=uid)
        return sent(done, made)
    others: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {
        "revoke": (
            invitations.revoke_invitation,
            {"invitation_uid": uid},
            _("The invitation is revoked."),
        ),
        "role": (
            actions.change_role,
            {"membership_uid": uid, "role": request.POST.get("role", "")},
            _("The role is changed."),
        ),
        "remove": (
            actions.remove_member,
            {"membership_uid": uid},
            _("Removed. The person acts for the organisation no more."),
        ),
        "end-role": (
            actions.end_person_role,
            {"person_role_uid": uid},
            _("The role has ended."),
        ),
    }
    if do not in others:
        raise Http404
    action, given, said = others[do]
    _row, done.error = attempt(action, actor=actor, **given)
    if done.error is None:
        done.said = said
        # Whoever left does not see the members any more.
        left = do == "remove" and _row.user_id == actor.user_id
        done.url = reverse("desk") if left else ""
    return done


def sent(done: Done, made: Invited | None) -> Done:
    if made and made.token:
        done.made = made
    elif made:
        done.said = _("The invitation is on its way by e-mail.")
    return done


def link_of(request: Request, made: Invited | None) -> dict[str, Any] | None:
    """The link to hand over, in the language of whom it is for."""
    if made is None:
        return None
    with translation.override(made.invitation.language):
        address = reverse("invitation", args=[made.token])
    return {"link": request.build_absolute_uri(address), "invitation": made.invitation}


# -- The link ----------------------------------------------------------------------------------------
@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation(request: Request, token: str) -> HttpResponse:
    """Where an invitation leads: sign in, or make an account, and accept."""
    row, over = attempt(invitations.find_invitation, token=token)
    if isinstance(over, Gone):
        return page(request, "organisations/invitation_over.html", {}, error=over)
    user = request.user if isinstance(request.user, User) else None
    form = AccountForm(
        request.POST if request.method == "POST" and user is None else None,
        initial={"language": row.language},
    )
    error = None
    if request.method == "POST":
        error = accept(request, token, row, form, user)
        if error is None:
            messages.success(request, _("You have joined."))
            return HttpResponseRedirect(reverse("desk"))
    context = {
        "invitation": row,
        "masked": masked(row.email),
        "other": user is not None and user.email.lower() != row.email.lower(),
        "form": form,
        "days": VALID_FOR.days,
    }
    return page(request, "organisations/invitation.html", context, error=error)


def accept(
    request: Request, token: str, row: Invitation, form: AccountForm, user: User | None
) -> DomainError | None:
    if user is not None:
        _row, error = attempt(invitations.accept_invitation, actor=actor_of(request), token=token)
    else:
        made, error = attempt(invitations.accept_with_new_account, token=token, **form.typed())
        if made:
            login(request, made[0], backend=BACKEND)
    if error:
        if user is None:
            show_refusal(form, error)
        return error
    # The new hat is put on.
    key = f"role:{row.role}" if row.for_person else f"org:{row.organisation.uid}"
    request.session[SESSION_KEY] = key
    return None


def masked(email: str) -> str:
    """Enough to recognise one's own address by."""
    local, _at, host = email.rpartition("@")
    return f"{local[:1]}…@{host}"


urlpatterns = [
    path("organisations/<uuid:uid>/members/", members, name="organisation-members"),
    path("desk/people/", people, name="people-office"),
    path("invitations/<str:token>/", invitation, name="invitation"),
]
