"""Asking the API as somebody, in JSON. Every answer is held against the schema."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.test import Client

from marketplace.base.actor import Actor
from tests.api import contract

ROOT = "/api/v1/"
PROBLEM = "application/problem+json"


class As:
    """`As(owner).post("scenarios/", {...}, key="k1", match='"r1"')`."""

    def __init__(self, actor: Actor | None = None, *, csrf: bool = False) -> None:
        self.client = Client(enforce_csrf_checks=csrf)
        if actor and actor.user:
            self.client.force_login(actor.user)
            session = self.client.session
            if actor.organisation:
                session["acting"] = f"org:{actor.organisation.uid}"
            else:
                session["acting"] = f"role:{actor.role}"
            session.save()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        match: str = "",
        raw: bytes | None = None,
        kind: str = "application/json",
        **headers: Any,
    ) -> HttpResponse:
        given = {
            "Accept-Language": "en",
            **({"Idempotency-Key": key} if key else {}),
            **({"If-Match": match} if match else {}),
            **headers,
        }
        address = path if path.startswith(("/", "http")) else ROOT + path
        options: dict[str, Any] = {"headers": given}
        if raw is not None:
            options |= {"data": raw, "content_type": kind}
        elif body is not None:
            options |= {"data": body, "content_type": "application/json"}
        elif method != "get":
            options["content_type"] = "application/json"
        answer = getattr(self.client, method)(address, **options)
        contract.holds(method, address, answer)
        return answer

    def get(self, path: str, query: Any = None, **headers: Any) -> HttpResponse:
        address = path if path.startswith(("/", "http")) else ROOT + path
        answer = self.client.get(address, query, headers={"Accept-Language": "en", **headers})
        contract.holds("get", address, answer)
        return answer

    def post(self, path: str, body: Any = None, **given: Any) -> HttpResponse:
        return self.send("post", path, body, **given)

    def patch(self, path: str, body: Any = None, **given: Any) -> HttpResponse:
        return self.send("patch", path, body, **given)

    def delete(self, path: str, **given: Any) -> HttpResponse:
        return self.send("delete", path, **given)


def refused(answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document, after holding status, kind and code against what is expected."""
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM), answer.content
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code), body
    return body
