"""A browser for an actor, and what its page says."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def browser(actor=None, **more):
    client = Client(**more)
    if actor:
        client.force_login(actor.user)
    return client


def url(name, scenario):
    return reverse(name, kwargs={"address": scenario.address})


def faults(page, name):
    """What the page says beside one field."""
    return [str(sentence) for sentence in page.context["form"].errors.get(name, [])]


def get(path, actor=None, **query):
    return browser(actor).get(path, query)


def text(response):
    return response.content.decode()


def page(scenario):
    return f"/scenarios/{scenario.address}/"
