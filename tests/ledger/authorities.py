"""Timestamp authorities to test against: `openssl ts` behind a loopback server, honest or not."""

import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
EXTENSIONS = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"


def openssl(*arguments, given=b"", check=True):
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=given, capture_output=True, check=False
    )
    assert not check or done.returncode == 0, done.stderr.decode()
    return done


class Authority:
    """Certificates in a folder, and a server that answers as `behave` says."""

    def __init__(self, folder):
        self.folder, self.asked, self.behave = folder, 0, self.honest
        folder.mkdir()
        self.ca = folder / "ca.pem"
        own = ["-nodes", "-newkey", "rsa:2048"]
        openssl(
            *("req", "-x509", *own, "-keyout", folder / "ca.key", "-out", self.ca),
            *("-subj", "/CN=Test CA", "-days", "3650"),
        )
        openssl(
            *("req", *own, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr"),
            *("-subj", "/CN=Test authority"),
        )
        (folder / "extensions").write_text(EXTENSIONS)
        openssl(
            *("x509", "-req", "-in", folder / "tsa.csr", "-CA", self.ca, "-days", "3650"),
            *("-CAkey", folder / "ca.key", "-set_serial", "2", "-out", folder / "tsa.pem"),
            *("-extfile", folder / "extensions"),
        )
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01")
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                authority.asked += 1
                query = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                authority.behave(self, query)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/tsr"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def reply(self, query):
        (self.folder / "query").write_bytes(query)
        openssl(
            *("ts", "-reply", "-config", self.folder / "tsa.cnf", "-section", "one"),
            *("-queryfile", self.folder / "query", "-out", self.folder / "reply"),
        )
        return (self.folder / "reply").read_bytes()

    # -- How it may behave --
    def honest(self, handler, query):
        send(handler, self.reply(query))

    def replaying(self, handler, query):
        if not hasattr(self, "kept"):
            self.kept = self.reply(query)
        send(handler, self.kept)

    def busy(self, handler, query):
        send(handler, b"later", status=503)

    def redirecting(self, handler, query):
        send(handler, b"", status=307, headers={"Location": self.elsewhere})

    def babbling(self, handler, query):
        send(handler, b"0" * 100_000)

    def talking_rubbish(self, handler, query):
        send(handler, b"\x30\x82\x05\x00 not a token")

    def dripping(self, handler, query):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(100):
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass


def send(handler, body, *, status=200, headers=None):
    handler.send_response(status)
    handler.send_header("Content-Type", "application/timestamp-reply")
    handler.send_header("Content-Length", str(len(body)))
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
