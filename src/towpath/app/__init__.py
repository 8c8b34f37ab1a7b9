"""Wires implementations to contracts: an open home, the roles that run on it, `apply`."""

from towpath.app.applying import Change, apply, compare
from towpath.app.clock import ReplayClock
from towpath.app.home import Home, open_home
from towpath.app.listening import inherit_listener, open_listener, url_of
from towpath.app.place import Place, resolve_place
from towpath.app.running import open_runner
from towpath.app.supervising import Child, Supervisor, Whereabouts, die_with, role_command
from towpath.app.traffic import LoggedTraffic
from towpath.app.working import work

__all__ = [
    "Change",
    "Child",
    "Home",
    "LoggedTraffic",
    "Place",
    "ReplayClock",
    "Supervisor",
    "Whereabouts",
    "apply",
    "compare",
    "die_with",
    "inherit_listener",
    "open_home",
    "open_listener",
    "open_runner",
    "resolve_place",
    "role_command",
    "url_of",
    "work",
]
