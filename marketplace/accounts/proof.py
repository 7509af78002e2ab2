"""Who must have a second factor, who has one, and who proved it lately in this session."""

from __future__ import annotations

import time

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest

from marketplace.accounts.models import User
from marketplace.accounts.queries import needs_second_factor


def has_second_factor(user: User) -> bool:
    """Recovery codes alone are none."""
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return Authenticator.objects.filter(user_id=user.pk, type__in=kinds).exists()


def lacks_second_factor(user: User) -> bool:
    """Must have one and has none: nothing opens before it is set up."""
    if settings.MFA_OPTIONAL:
        return False
    return not has_second_factor(user) and needs_second_factor(user)


def proved_recently(request: HttpRequest, user: User) -> bool:
    """Proved anew in this session within the timeout, by the second factor where there is one."""
    return _proved(request, user, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT, anew=True)


def proved_within(request: HttpRequest, user: User, seconds: int) -> bool:
    """The same within a longer time; signing in with the second factor is a proof as well."""
    return _proved(request, user, seconds, anew=False)


def _proved(request: HttpRequest, user: User, seconds: int, *, anew: bool) -> bool:
    if settings.MFA_OPTIONAL:
        return True
    strong = has_second_factor(user)
    since = time.time() - seconds
    return any(
        record["at"] > since
        and (record["method"] == "mfa" or not strong)
        and (record.get("reauthenticated") or not anew)
        for record in get_authentication_records(request, user)
    )
