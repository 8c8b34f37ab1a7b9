"""The metadata database: SQLite or PostgreSQL behind one connection class and one schema."""

from towpath.storage.database.connection import Database, open_database
from towpath.storage.database.watching import CommitWatch

__all__ = ["CommitWatch", "Database", "open_database"]
