"""The log's own addresses (C2SP tlog-tiles): the same bytes for everybody, whoever asks.

They stand outside of the two languages, know no session (web.caching keeps cookies away from them)
and may be kept by any cache; docs/log.md lists them.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from marketplace.base import packer
from marketplace.base.errors import DomainError, Invalid, NotFound, TooLarge, TooMany
from marketplace.base.problems import plain_problem
from marketplace.committee import verify_scores
from marketplace.committee.draw import verify_draw
from marketplace.ledger import keys, verify, witness
from marketplace.ledger.log import cosigning, queries, tiles
from marketplace.ledger.verify import TILE, tile_path
from marketplace.web.answers import attached, tagged
from marketplace.web.kept import kept_for_visitors
from marketplace.web.request import Request
from marketplace.web.shared import page_data, shared, whole

FOREVER = "public, max-age=31536000, immutable"
SHORTLY = "public, max-age=5"
RARELY = "public, max-age=300"
NOTE_MOST = 16 * 1024  # bytes of a cosigned note
LEVEL_MOST = 7  # 256^8 leaves are more than a log ever has
PLACE = re.compile(
    r"(entries|[0-9])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)
# By what they are saved as, which is what docs/log.md calls them.
SCRIPTS = {"jiebang_verify.py": verify, "witness.py": witness}
PROGRAMS = {**SCRIPTS, "packer.py": packer, "verify_draw.py": verify_draw}
PROGRAMS["verify_scores.py"] = verify_scores


def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A problem document in the language that the caller prefers; no cache keeps it."""
    with translation.override(translation.get_language_from_request(request)):
        response = plain_problem(error.status, error.code, str(error))
    response.headers["Cache-Control"] = "no-store"
    return response


def answered(request: HttpRequest, response: HttpResponse, keep: str) -> HttpResponse:
    """With what caches need: how long it holds, and a tag by which to ask again."""
    response.headers["Cache-Control"] = keep
    tag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    return tagged(request, response, tag)


@login_not_required
@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    newest = tiles.newest()
    if newest is None:
        return refused(request, NotFound())
    note = HttpResponse(tiles.shown(newest), content_type="text/plain; charset=utf-8")
    return answered(request, note, SHORTLY)


@login_not_required
@require_safe
def tile(request: HttpRequest, place: str) -> HttpResponse:
    """A tile of hashes or a bundle of entries. A partial one stays, also when it is full since."""
    found = place_of(place)
    raw = read(*found) if found else None
    if raw is None:
        return refused(request, NotFound())
    return answered(request, HttpResponse(raw, content_type="application/octet-stream"), FOREVER)


def place_of(place: str) -> tuple[int | str, int, int] | None:
    """(level, index, width) of "0/x001/067.p/12"; None where it is not spelled as C2SP says."""
    match = PLACE.fullmatch(place)
    if match is None:
        return None
    level = match[1] if match[1] == "entries" else int(match[1])
    index = int(match[2].replace("x", "").replace("/", ""))
    width = int(match[3] or TILE)
    # Zeros in front, and a partial tile that would be full, have another name.
    spelled = tile_path(level, index, width) == f"tile/{place}"
    return (level, index, width) if spelled else None


def read(level: int | str, index: int, width: int) -> bytes | None:
    if isinstance(level, str):
        return tiles.bundle(index, width) if index < 2**55 else None
    return tiles.tile_of(level, index, width) if level <= LEVEL_MOST else None


@login_not_required
@require_safe
def published_keys(request: HttpRequest) -> HttpResponse:
    response = JsonResponse(
        keys.published(), json_dumps_params={"ensure_ascii": False, "indent": 2}
    )
    return answered(request, response, SHORTLY)


def script_text(name: str) -> bytes:
    """One of PROGRAMS as it runs here."""
    return Path(str(PROGRAMS[name].__file__)).read_bytes()


@login_not_required
@require_safe
def script(request: HttpRequest, name: str) -> HttpResponse:
    response = HttpResponse(script_text(name), content_type="text/x-python; charset=utf-8")
    return answered(request, attached(response, name), RARELY)


@login_not_required
@require_safe
def proof(request: HttpRequest, index: int) -> HttpResponse:
    """A public entry, its text, and the way from it to the newest root."""
    told = queries.public_proof(index)
    if told is None:
        return refused(request, NotFound())
    response = JsonResponse(told, json_dumps_params={"ensure_ascii": False, "indent": 2})
    return answered(request, response, SHORTLY)


@csrf_exempt  # nobody's session is used: the signature in what is sent is all that counts
@login_not_required
@require_POST
def cosignatures(request: HttpRequest) -> HttpResponse:
    """A witness hands in a note that it cosigned."""
    try:
        if not ratelimit.consume(request, action="cosign"):
            raise TooMany
        raw = request.read(NOTE_MOST + 1)
        if len(raw) > NOTE_MOST:
            raise TooLarge
        try:
            note = raw.decode()
        except UnicodeDecodeError as error:
            raise Invalid(code="cosignature.invalid") from error
        cosigning.cosign(note=note)
    except DomainError as error:
        response = refused(request, error)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = "60"
        return response
    return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


@login_not_required
@require_safe
@kept_for_visitors
def log_page(request: Request) -> HttpResponse:
    """What the log is and how it stands, for people."""
    standing = queries.standing()
    name = _("Transparency log")
    said = _("Whatever happens on this platform leaves an entry here for good.")
    context = {
        "standing": standing,
        "root": bytes(standing.checkpoint.root).hex() if standing.checkpoint else "",
        "cadence": settings.LOG_CADENCE_SECONDS,
        "quantum": settings.LOG_BATCH_QUANTUM,
        "merge_delay": settings.LOG_MERGE_DELAY_SECONDS,
        "stamped": bool(settings.LOG_TIMESTAMP_URL),
        "log_url": request.build_absolute_uri(reverse("log-keys")).removesuffix("/keys.json"),
        "scripts": [
            {"name": name, "url": url, "sha256": hashlib.sha256(script_text(name)).hexdigest()}
            for name, url in zip(
                SCRIPTS, (reverse("log-verify"), reverse("log-witness")), strict=True
            )
        ],
        "shared": shared(request, name, said, data=[page_data(whole(request.path), name, said)]),
    }
    return render(request, "public/log.html", context)


# In each language, with the other pages.
page_urlpatterns = [path("log/", log_page, name="log")]
# Outside of the languages: one address each.
urlpatterns = [
    path("log/checkpoint", checkpoint, name="log-checkpoint"),
    path("log/tile/<path:place>", tile, name="log-tile"),
    path("log/keys.json", published_keys, name="log-keys"),
    path("log/proofs/<int:index>.json", proof, name="log-proof"),
    path("log/verify.py", script, {"name": "jiebang_verify.py"}, name="log-verify"),
    path("log/witness.py", script, {"name": "witness.py"}, name="log-witness"),
    # Not of the log, but given out like its programs: what packs a bid, what replays a draw.
    path("seal/packer.py", script, {"name": "packer.py"}, name="packer"),
    path("log/verify_draw.py", script, {"name": "verify_draw.py"}, name="draw-verify"),
    path("log/verify_scores.py", script, {"name": "verify_scores.py"}, name="scores-verify"),
    path("log/cosignatures", cosignatures, name="log-cosignatures"),
]
