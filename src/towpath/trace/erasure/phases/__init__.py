"""The steps of an erasure, one module per phase that is left."""

from towpath.trace.erasure.phases.acknowledge import acknowledge
from towpath.trace.erasure.phases.certify import certify
from towpath.trace.erasure.phases.purge import purge
from towpath.trace.erasure.phases.redact import redact
from towpath.trace.erasure.phases.retire import retire
from towpath.trace.erasure.phases.retrain import await_replacements, order_replacements
from towpath.trace.erasure.phases.verify import verify

__all__ = [
    "acknowledge",
    "await_replacements",
    "certify",
    "order_replacements",
    "purge",
    "redact",
    "retire",
    "verify",
]
