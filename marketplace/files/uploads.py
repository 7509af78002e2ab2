"""Uploads stay in memory: plaintext of a bid must never touch a disk of ours."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest

FILE_LIMIT = 10 * 1024 * 1024
REQUEST_LIMIT = 40 * 1024 * 1024


class BoundedMemoryUploadHandler(MemoryFileUploadHandler):
    """Keeps files in memory whatever their size; a request over the limit is cut off.

    A form over the limit arrives without its files and with `request.upload_refused` set, so the
    page can say which limit it was.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803  # Django's own name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        self.activated = True
        if content_length > REQUEST_LIMIT:
            assert isinstance(self.request, HttpRequest)
            self.request.upload_refused = True  # type: ignore[attr-defined]
            raise StopUpload(connection_reset=False)
