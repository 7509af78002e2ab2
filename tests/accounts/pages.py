"""Opening the pages of people and organisations, in English."""

import html
import re
from urllib.parse import urlsplit

from django.test import Client
from django.urls import reverse
from django.utils import translation


def browser(actor=None, **more):
    client = Client(headers={"accept-language": "en"}, **more)
    if actor:
        client.force_login(actor.user)
    return client


def at(name, *parts):
    """The English address, whatever language the last answer was in."""
    with translation.override("en"):
        return reverse(name, args=parts)


def url(name, organisation):
    return at(name, organisation.uid)


def text(page):
    return html.unescape(page.content.decode())


def link_in(page):
    return urlsplit(re.search(r'href="(http://[^"]*/invitations/[^"]+)"', text(page))[1]).path
