"""Logs made by hand: a mirror folder, its keys, and receipts of what is in it."""

import base64
import json
import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from marketplace.ledger import verify

ORIGIN = "log.example.cn/jiebang"
DELAY = 600


def b64(raw):
    return base64.b64encode(raw).decode()


def public(key):
    return key.public_key().public_bytes_raw()


class Log:
    """What an operator has: the keys, and the leaf datas so far."""

    def __init__(self, leaves=(), origin=ORIGIN):
        self.origin, self.leaves = origin, list(leaves)
        self.key, self.receipt_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.witnesses = []

    @property
    def vkey(self):
        return verify.named(self.origin, public(self.key)).text()

    def hashes(self, size=None):
        return [verify.leaf_hash(data) for data in self.leaves[:size]]

    def checkpoint(self, size=None, root=None, key=None):
        size = len(self.leaves) if size is None else size
        root = verify.tree_root(self.hashes(size)) if root is None else root
        text = f"{self.origin}\n{size}\n{b64(root)}\n"
        return f"{text}\n{signature_line(self.origin, key or self.key, text)}"

    def read(self, level, index):
        """The log's tiles, as far as they are."""
        return b"".join(self.levels()[level][index * 256 : index * 256 + 256])

    def levels(self):
        levels = [self.hashes()]
        while full := len(levels[-1]) // 256:
            below = levels[-1]
            levels.append([verify.tree_root(below[n * 256 : n * 256 + 256]) for n in range(full)])
        return levels

    def keys(self):
        return {
            "origin": self.origin,
            "keys": [
                {
                    "use": "checkpoint", "algorithm": "Ed25519", "vkey": self.vkey,
                    "key_id": verify.parse_vkey(self.vkey).id.hex(),
                    "public_key": b64(public(self.key)), "from": "2026-01-01T00:00:00Z", "until": None,
                },
                {
                    "use": "receipt", "algorithm": "Ed25519",
                    "key_id": verify.key_id(self.receipt_key.public_key()),
                    "public_key": b64(public(self.receipt_key)),
                    "from": "2026-01-01T00:00:00Z", "until": None,
                },
            ],
            "witnesses": self.witnesses,
            "merge_delay_seconds": DELAY,
        }  # fmt: skip

    def publish(self, folder, size=None):
        """Write the mirror folder as `fetch` would: tiles, entries, keys, checkpoint."""
        size = len(self.leaves) if size is None else size
        levels = self.levels()
        for level, index, width in verify.tiles_of(size):
            file = folder / verify.tile_path(level, index, width)
            file.parent.mkdir(parents=True, exist_ok=True)
            if level == "entries":
                entries = self.leaves[:size][index * 256 : index * 256 + 256]
                file.write_bytes(verify.bundle_of(entries))
            else:
                file.write_bytes(b"".join(levels[level][index * 256 : index * 256 + width]))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "keys.json").write_text(json.dumps(self.keys()), "utf-8")
        (folder / "checkpoint").write_text(self.checkpoint(size), "utf-8")
        return folder

    def receipt(self, at="2026-11-22T09:00:00.000Z", **statement):
        """A signed receipt document whose leaf is not in the log yet, and the leaf's data."""
        statement = {"received_at": at, "说明": "密封", **statement}
        salt = secrets.token_bytes(32)
        body = verify.canonical(
            {"kind": "bid.submitted", "at": at, "input": verify.input_of(statement, salt)}
        )
        leaf = verify.commitment(body, salt)
        log = {"origin": self.origin, "leaf": leaf.hex(), "merge_delay_seconds": DELAY}
        return self.sign(statement | {"log": log}, body, salt), leaf

    def sign(self, statement, body, salt):
        signed = {"type": "jiebang-receipt/1/bid", **statement}
        text = verify.canonical(signed)
        return {
            "receipt": signed,
            "signed_text": b64(text),
            "signature": b64(self.receipt_key.sign(text)),
            "key_id": verify.key_id(self.receipt_key.public_key()),
            "algorithm": "Ed25519",
            "public_key": b64(public(self.receipt_key)),
            "event": {"body": b64(body), "salt": b64(salt)},
            "inclusion": None,
        }

    def prove(self, document, index, size=None, **more):
        size = len(self.leaves) if size is None else size
        hashes = [b64(item) for item in verify.inclusion_proof(self.read, index, size)]
        proof = {
            "index": index,
            "size": size,
            "hashes": hashes,
            "checkpoint": self.checkpoint(size),
        }
        return {**document, "inclusion": proof | more}


def signature_line(name, key, text):
    raw = verify.named(name, public(key)).id + key.sign(text.encode())
    return f"— {name} {b64(raw)}\n"


def padding(count):
    return [secrets.token_bytes(32) for _ in range(count)]
