"""People say what was true of some decisions: drawn, shown, judged, settled, and kept as versions."""

from towpath.operate.labelling.declaration import LabelQueue

__all__ = ["LabelQueue"]
