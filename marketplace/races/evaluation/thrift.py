"""As much of Thrift's compact protocol as the footer and the page headers of Parquet need.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md. What is
read comes from strangers: nesting, sizes and numbers of elements are bounded.
"""

from __future__ import annotations

from typing import Any

NESTED_MOST = 16
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


class Damaged(ValueError):
    """These bytes are no structure of Thrift's."""


class Reader:
    """Structures as {number of the field: value}; binaries as bytes, lists as lists."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise Damaged("ends too early")
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            part = self.byte()
            value |= (part & 0x7F) << shift
            if part < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Damaged("a number without an end")

    def signed(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def bytes(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise Damaged("ends too early")
        self.at += length
        return self.data[self.at - length : self.at]

    def struct(self, nested: int = 0) -> dict[int, Any]:
        if nested > NESTED_MOST:
            raise Damaged("nested too deeply")
        found: dict[int, Any] = {}
        number = 0
        while True:
            head = self.byte()
            if not head:
                return found
            number = number + (head >> 4) if head >> 4 else self.signed()
            kind = head & 0x0F
            found[number] = kind == TRUE if kind in {TRUE, FALSE} else self.value(kind, nested)

    def value(self, kind: int, nested: int) -> Any:
        if kind in {TRUE, FALSE, BYTE}:
            return self.byte()
        if kind in {I16, I32, I64}:
            return self.signed()
        if kind == DOUBLE:
            return self.bytes(8)
        if kind == BINARY:
            return self.bytes(self.varint())
        if kind == STRUCT:
            return self.struct(nested + 1)
        if kind in {LIST, SET}:
            return self.list(nested)
        raise Damaged("a kind of field that Parquet does not use")

    def list(self, nested: int) -> list[Any]:
        head = self.byte()
        length = head >> 4 if head >> 4 != 0x0F else self.varint()
        # Every element takes at least a byte.
        if length > len(self.data) - self.at:
            raise Damaged("ends too early")
        if nested > NESTED_MOST:
            raise Damaged("nested too deeply")
        return [self.value(head & 0x0F, nested + 1) for _ in range(length)]
