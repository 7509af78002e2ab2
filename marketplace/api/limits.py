"""How much one request may bring. docs/api.md and docs/operations.md name these figures."""

MIB = 1024 * 1024
BODY_BYTES_MAX = MIB
# The three forms and small files in base64; larger ones go up in pieces, as uploads.
BID_BODY_BYTES_MAX = 8 * MIB
DEPTH_MAX = 20
IDEMPOTENCY_KEY_MAX = 80
