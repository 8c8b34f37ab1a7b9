"""The metadata database: SQLite or PostgreSQL behind one connection class and one schema."""

from towpath.storage.database.connection import Database, open_database

__all__ = ["Database", "open_database"]
