from tests.ledger.serving import served

__all__ = ["served"]
