"""Files of age that take long to make: scrypt is slow by design."""

from base64 import b64decode

# "x" under the passphrase "secret", by pyrage.
BY_PASSPHRASE = b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBQLzY0YUhJdFZ3L2R5NEE2cFhOaFRBIDE3ClNvWlBMc1E4a09h"
    "QmpTTlBXYUJOTkhXbCtGbGdCUk40Vkl5SHR6dnNiMG8KLS0tIGUvT1Z5YlRkM1lrbElxRHZFTnZ4UDhUSGNtcVdtcHZS"
    "bThVK2JScFBTZ0UK54C5frL3mOsK+7U+gGtddMpTs8dJ0IIZ1/Yk75wd5yu5"
)
