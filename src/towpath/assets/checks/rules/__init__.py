"""What a project writes as `tp.rules.…`: the rules that rows of a data set must keep."""

from towpath.assets.checks.rules.aside import Quarantined
from towpath.assets.checks.rules.declared import Declared
from towpath.assets.checks.rules.own import Custom, Holds
from towpath.assets.checks.rules.pandera_schema import Pandera
from towpath.assets.checks.rules.relations import References, Unique
from towpath.assets.checks.rules.tables import Fresh, RowCount, Statistic
from towpath.assets.checks.rules.values import Between, Matches, OneOf, Present

__all__ = [
    "Between",
    "Custom",
    "Declared",
    "Fresh",
    "Holds",
    "Matches",
    "OneOf",
    "Pandera",
    "Present",
    "Quarantined",
    "References",
    "RowCount",
    "Statistic",
    "Unique",
]
