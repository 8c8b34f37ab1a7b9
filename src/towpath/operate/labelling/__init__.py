"""People say what was true of some decisions: drawn, shown, judged, settled, and kept as versions."""

from towpath.operate.labelling.contract import LabelDesk
from towpath.operate.labelling.declaration import LabelQueue
from towpath.operate.labelling.desk import LedgerLabelDesk
from towpath.operate.labelling.reconciler import LabelQueueReconciler

__all__ = ["LabelDesk", "LabelQueue", "LabelQueueReconciler", "LedgerLabelDesk"]
