"""Where bytes and rows live: the database and the blob store."""
