"""Wires implementations to contracts: an open home, the roles that run on it, `apply`.

Nothing is re-exported here, so that a role loads only what it needs: a gateway starts in a fraction
of the time that everything together takes to import.
"""
