"""How much one request may bring. docs/api.md and docs/operations.md name these figures."""

MIB = 1024 * 1024
BODY_BYTES_MAX = MIB
DEPTH_MAX = 20
IDEMPOTENCY_KEY_MAX = 80
