"""What else holds rows of a data set, or things about a subject, and how it is taken out of there."""

from towpath.trace.erasure.copies.alert_examples import AlertExamples
from towpath.trace.erasure.copies.contract import About, Copies, FoundCopy
from towpath.trace.erasure.copies.feature_layouts import FeatureLayouts
from towpath.trace.erasure.copies.label_tasks import LabelTasks
from towpath.trace.erasure.copies.online_rows import OnlineTables
from towpath.trace.erasure.copies.open_loads import OpenLoads
from towpath.trace.erasure.copies.printed import PrintedPieces
from towpath.trace.erasure.copies.publications import Publications
from towpath.trace.erasure.copies.saved_states import SavedStates
from towpath.trace.erasure.copies.stored_files import StoredFiles
from towpath.trace.erasure.copies.trainings import Trainings
from towpath.trace.erasure.copies.window_counts import WindowCounts

__all__ = [
    "About",
    "AlertExamples",
    "Copies",
    "FeatureLayouts",
    "FoundCopy",
    "LabelTasks",
    "OnlineTables",
    "OpenLoads",
    "PrintedPieces",
    "Publications",
    "SavedStates",
    "StoredFiles",
    "Trainings",
    "WindowCounts",
]
