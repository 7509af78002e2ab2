from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from marketplace.accounts.letters import post

NAME = "揭榜 Jiebang"


class AccountAdapter(DefaultAccountAdapter):
    """An account comes with an organisation or an invitation; nobody signs up alone."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        request = allauth_context.request
        # Named by our own address, whatever host and port the caller wrote.
        site = SimpleNamespace(domain=urlsplit(settings.SITE_URL).hostname, name=NAME)
        told = {"request": request, "email": email, "current_site": site}
        post(self.render_mail(template_prefix, email, told | context))

    def format_email_subject(self, subject: str) -> str:
        return f"[{NAME}] {subject}"

    def get_reset_password_from_key_url(self, key: str) -> str:
        """On our own address as well."""
        parts = urlsplit(super().get_reset_password_from_key_url(key))
        return settings.SITE_URL.rstrip("/") + parts.path

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """The account alone. allauth adds the host, whose port is whatever a caller writes."""
        return str(credentials.get("email", "")).lower()

    def get_reauthentication_methods(
        self, user: AbstractBaseUser | AnonymousUser
    ) -> list[dict[str, Any]]:
        """With a second factor the password alone proves nothing anew."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        strong = [method for method in methods if method["id"].startswith("mfa")]
        return strong or methods
