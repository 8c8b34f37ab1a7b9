"""Projects: the declaration that ties a team's assets together, and loading one from disk."""

from towpath.operate.projects.loading import load_project
from towpath.operate.projects.project import Project

__all__ = ["Project", "load_project"]
