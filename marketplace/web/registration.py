"""A new organisation registers itself, with its first owner."""

from __future__ import annotations

import smtplib
from typing import Any

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from marketplace.accounts.models import User
from marketplace.accounts.organisations import actions
from marketplace.base.errors import DomainError, TooMany
from marketplace.web.acting import SESSION_KEY
from marketplace.web.forms.people import RegisterForm, RegisterOrganisationForm
from marketplace.web.pages import actor_of, attempt, page, show_refusal
from marketplace.web.request import Request

log = structlog.get_logger()


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def register(request: Request) -> HttpResponse:
    """Signed in, the organisation alone; else with an account.

    The answer is the same whether or not the address has an account already.
    """
    known = isinstance(request.user, User)
    data = request.POST if request.method == "POST" else None
    form: Any
    if known:
        form = RegisterOrganisationForm(data)
    else:
        form = RegisterForm(data, initial={"language": get_language()})
    error: DomainError | None = None
    if request.method == "POST":
        if not ratelimit.consume(request, action="signup"):
            error = TooMany()
        elif known:
            organisation, error = attempt(
                actions.register_own_organisation, actor=actor_of(request), data=form.typed()
            )
            if organisation:
                request.session[SESSION_KEY] = f"org:{organisation.uid}"
                messages.success(request, _("Registered. File the evidence to be verified."))
                address = reverse("organisation-verification", args=[organisation.uid])
                return HttpResponseRedirect(address)
        else:
            made, error = attempt(
                actions.register_organisation, data=form.typed(), person=form.person()
            )
            if made:
                tell(request, form.person()["email"].strip(), made.user)
                return HttpResponseRedirect(reverse("registered"))
        if error:
            show_refusal(form, error)
    return page(request, "organisations/register.html", {"form": form, "known": known}, error=error)


def tell(request: Request, email: str, user: User | None) -> None:
    """By mail, to the address alone: the link to confirm it, or that it has an account."""
    if not settings.EMAIL_HOST:
        return
    try:
        if user is None:
            get_adapter(request).send_account_already_exists_mail(email)
        else:
            address = EmailAddress.objects.get(user=user, email=user.email)
            send_verification_email_to_address(request, address, signup=True)
    except (OSError, smtplib.SMTPException):
        # The account stands; its owner asks for another link once signed in.
        log.warning("registration.mail_failed")


@login_not_required
@require_http_methods(["GET", "HEAD"])
def registered(request: Request) -> HttpResponse:
    return page(request, "organisations/registered.html", {"mailed": bool(settings.EMAIL_HOST)})


urlpatterns = [
    path("register/", register, name="register"),
    path("registered/", registered, name="registered"),
]
