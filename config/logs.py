"""Logs: one line of JSON per event, whoever wrote it, with every value escaped.

Django, Celery, granian and our own events go through one formatter. What comes from outside cannot
end a line, colour a terminal or turn its text around. No bodies, names, addresses, tokens, query
strings or paths: a request is told by the name of its route.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

Event = MutableMapping[str, Any]

# What a terminal or a viewer acts upon: C1 controls, line and paragraph ends, marks of direction.
ACTED_UPON = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
SECRETS = (
    (re.compile(r"AGE-SECRET-KEY-[0-9A-Za-z]+"), "[key]"),
    (re.compile(r"(://[^:/@\s\"]*:)[^@/\s\"]+(?=@)"), r"\1[password]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[address]"),
    (
        re.compile(r"(?i)\b(bearer|token|password|key|secret)(=|:| )\s*[^\s,;&\"]{6,}"),
        r"\1\2[secret]",
    ),
)
SECRET_FIELDS = re.compile(r"(?i)pass|secret|token|cookie|authorization|email|phone|identity")
# In the pattern of a route, or in the path of a request that reached none: it has to do with bids.
TELLING = re.compile("bid|receipt|upload|pledge|envelope|seal|package", re.IGNORECASE)
FRAMES_MOST = 12
TEXT_MOST = 2000


def formatter() -> structlog.stdlib.ProcessorFormatter:
    """For `logging.config`, of Django as of granian."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            exception_told,
            line,
        ],
    )


def line(_logger: Any, _name: str, event: Event) -> str:
    """The event as one line of JSON."""
    values = {name: clean(value, name) for name, value in event.items()}
    text = json.dumps(values, ensure_ascii=False, default=lambda value: clean(str(value)))
    return ACTED_UPON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def clean(value: Any, name: str = "") -> Any:
    """A value without secrets, of bounded length."""
    if isinstance(value, str):
        if SECRET_FIELDS.search(name):
            return "[withheld]"
        for pattern, instead in SECRETS:
            value = pattern.sub(instead, value)
        return value if len(value) <= TEXT_MOST else value[:TEXT_MOST] + "…"
    if isinstance(value, dict):
        return {str(key): clean(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(inner, name) for inner in value]
    return value


def request_told(_logger: Any, _name: str, event: Event) -> Event:
    """Django writes the path of a request that failed; a path may hold a key."""
    request = getattr(event.get("_record"), "request", None)
    if request is not None:
        event["event"] = (
            "request.refused" if event["_record"].levelno < logging.ERROR else ("request.failed")
        )
        match = getattr(request, "resolver_match", None)
        known = not TELLING.search(match.route if match else request.path)
        event["route"] = (match.view_name if match else "unresolved") if known else "withheld"
        event["status"] = getattr(event["_record"], "status_code", None)
    return event


def exception_told(_logger: Any, _name: str, event: Event) -> Event:
    """The kinds of the chain and where each arose; of the message one short line.

    Further lines may quote a row, as PostgreSQL's DETAIL does.
    """
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if not isinstance(error, BaseException):
        return event
    told = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MOST:]
        told.append(
            {
                "kind": f"{type(error).__module__}.{type(error).__qualname__}",
                "message": (str(error).splitlines() or [""])[0][:200],
                "frames": [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames],
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    event["exception"] = told
    return event


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    request_told,
]


def configure(level: str) -> dict[str, Any]:
    """Set structlog up; returns Django's LOGGING."""
    structlog.configure(
        processors=[
            *SHARED,
            # Here, since `exc_info=True` means the exception of this very moment.
            exc_info_found,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "config.logs.formatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Refusals are told by our own line about the request, without its path.
            "django.request": {"level": "ERROR"},
            "django.security.csrf": {"level": "ERROR"},
            # Each sweep and each nudge would be two lines.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }


def exc_info_found(_logger: Any, _name: str, event: Event) -> Event:
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()
    return event
