"""What is in force: followed, checked, loaded, warmed up, and kept for a start without the ledger."""
