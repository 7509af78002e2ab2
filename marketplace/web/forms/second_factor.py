"""A code proves something once, whichever process is asked."""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt
from django.db import transaction


class OnceOnly:
    """Locks the person's authenticators; keeps the number of the half minute that was used.

    RFC 6238 §5.2: a code is accepted once. The cache that allauth asks is one per process.
    """

    user: Any
    authenticator: Authenticator

    @transaction.atomic
    def clean_code(self) -> str:
        list(Authenticator.objects.select_for_update().filter(user=self.user))
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            self._use(code.replace(" ", ""))
        return code

    def _use(self, code: str) -> None:
        data = self.authenticator.data
        secret = decrypt(data["secret"])
        used = max(
            counter
            for counter in auth.yield_hotp_counters_from_time()
            if auth.format_hotp_value(auth.hotp_value(secret, counter)) == code
        )
        if used <= data.get("last_counter", 0):
            raise get_adapter().validation_error("incorrect_code")
        self.authenticator.data = {**data, "last_counter": used}
        self.authenticator.save(update_fields=["data"])


class AuthenticateOnceForm(OnceOnly, AuthenticateForm):
    pass


class ReauthenticateOnceForm(OnceOnly, ReauthenticateForm):
    pass
