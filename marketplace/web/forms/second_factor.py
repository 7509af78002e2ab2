"""A code proves something once, whichever process is asked."""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.actions import spend_totp_counter


class OnceOnly:
    """Refuses a code that was used before; the cache that allauth asks is one per process."""

    authenticator: Authenticator

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            self._use(code.replace(" ", ""))
        return code

    def _use(self, code: str) -> None:
        secret = decrypt(self.authenticator.data["secret"])
        used = max(
            counter
            for counter in auth.yield_hotp_counters_from_time()
            if auth.format_hotp_value(auth.hotp_value(secret, counter)) == code
        )
        if not spend_totp_counter(authenticator=self.authenticator, counter=used):
            raise get_adapter().validation_error("incorrect_code")


class AuthenticateOnceForm(OnceOnly, AuthenticateForm):
    pass


class ReauthenticateOnceForm(OnceOnly, ReauthenticateForm):
    pass


class NamedKey:
    """Without a label of ours the field's would be its Python name, in every language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")  # type: ignore[attr-defined]


class AddKeyForm(NamedKey, AddWebAuthnForm):
    pass


class RenameKeyForm(NamedKey, EditWebAuthnForm):
    pass
