"""Queries behind the API: each reads the ledger in one snapshot and answers a resource."""
