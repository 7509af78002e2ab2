"""A real server on a loopback address for a folder of the tests."""

import http.server
import threading
from functools import partial

import pytest


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Notes what is asked for, and keeps what is handed in."""

    asked: list[str] = []
    handed_in: list[tuple[str, str, bytes]] = []
    answer = 204

    def do_GET(self):
        self.asked.append(self.path.lstrip("/"))
        super().do_GET()

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        kind = self.headers["Content-Type"]
        self.handed_in.append((self.path, kind, self.rfile.read(length)))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    """A folder served on a loopback address."""
    folder = tmp_path / "served"
    Quiet.asked, Quiet.handed_in, Quiet.answer = [], [], 204
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as it:
        thread = threading.Thread(target=it.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{it.server_port}/", folder
        it.shutdown()
        thread.join()
