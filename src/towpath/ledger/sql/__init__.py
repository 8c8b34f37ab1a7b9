"""The ledger's implementation over SQLAlchemy Core, one module per facet."""

from towpath.ledger.sql.ledger import SqlLedger, SqlTransaction, open_ledger

__all__ = ["SqlLedger", "SqlTransaction", "open_ledger"]
