"""What a project says about a file set."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, NoReturn

from towpath.assets.datasets import Dataset, Doc, Personal, Schema
from towpath.assets.filesets.patterns import PathPattern
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from towpath.assets.datasets import Selection
    from towpath.core.refs import Ref

BYTES = "bytes"
_FROM_PATHS = ("string", "int64", "float64", "date")


class FileRow(Schema):
    """The columns that every file set has."""

    path: Annotated[str, Doc("where the file lies in the set, relative, separated by /")]
    digest: Annotated[
        str, Personal(), Doc("SHA-256 of its bytes, and their name in the blob store")
    ]
    size_bytes: Annotated[int, Doc("its length")]
    media_type: Annotated[str, Doc("what its name says it is, such as image/png")]


class PersonalFileRow(FileRow):
    """The same for files about people, whose names may say about whom."""

    path: Annotated[
        str, Personal(), Doc("where the file lies in the set, relative, separated by /")
    ]


@dataclass(frozen=True, slots=True)
class FileSet:
    """A folder of files (images, texts, sounds, weights) that grows by versions.

    Its rows, one per file, are a data set of the same name: everything that takes a data set takes
    `fileset.dataset`, and `fileset.all()` selects them for a pipeline, where a step that is annotated
    `files: tp.Files` gets the bytes with them.

    Attributes:
        name: Names it everywhere, among the data sets.
        attributes: A schema of what is known about each file besides; what is not always known must
            be nullable.
        pattern: How paths say what attributes are: `{patient}/{view}.png` fills the attributes
            `patient` and `view`. `{…}` and `*` stay within one folder, `**` does not.
        subject: The attribute that names the person a file is about. Their erasure deletes the file.
        subject_field: What the subject is called across data sets, by default the attribute's name.
        time: The attribute (a datetime) that windows are cut by.
        description: One or two sentences for its page.
        buckets: As for a data set; it spreads the rows, not the files.
    """

    name: str
    attributes: type[Schema] | None = field(default=None, kw_only=True)
    pattern: str | None = field(default=None, kw_only=True)
    subject: str | None = field(default=None, kw_only=True)
    subject_field: str | None = field(default=None, kw_only=True)
    time: str | None = field(default=None, kw_only=True)
    description: str = field(default="", kw_only=True)
    buckets: int = field(default=4, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a declaration that does not hang together."""
        types = {column.name: column.type for column in self.dataset.columns}
        pattern = self.paths
        for name in () if pattern is None else pattern.names:
            if name in FILE_COLUMNS or name not in types:
                self.refuse(
                    f"its pattern names {name!r}, which is not one of its attributes",
                    "Declare it in the schema of the attributes.",
                )
            if types[name] not in _FROM_PATHS:
                self.refuse(
                    f"its pattern names {name!r}, a {types[name]}, which can't be read from a path",
                    f"Paths can say {', '.join(_FROM_PATHS)}.",
                )

    @property
    def dataset(self) -> Dataset:
        """The data set of its rows."""
        return _dataset_of(self)

    @property
    def paths(self) -> PathPattern | None:
        """The pattern, parsed."""
        return None if self.pattern is None else PathPattern.parse(self.pattern)

    @property
    def ref(self) -> Ref:
        """`dataset:NAME`."""
        return self.dataset.ref

    def all(self) -> Selection:
        """Select every file of the version that is the latest when the run is planned."""
        return self.dataset.all()

    def last(self, span: str | timedelta) -> Selection:
        """Select the files of the last `span` before the moment the run is planned for."""
        return self.dataset.last(span)

    def between(self, since: str | datetime, until: str | datetime) -> Selection:
        """Select the files with `since` ≤ time < `until`."""
        return self.dataset.between(since, until)

    def at(self, version: int) -> Selection:
        """Select every file of one version, whatever is the latest."""
        return self.dataset.at(version)

    def refuse(self, why: str, remedy: str = "") -> NoReturn:
        """Raise `InvalidProject` that names this file set."""
        raise InvalidProject(f"file set {self.name!r} can't be: {why}", remedy=remedy)


FILE_COLUMNS = tuple(column.name for column in FileRow.columns())


def holds_files(dataset: Dataset) -> bool:
    """Tell whether a data set is the table of a file set."""
    return issubclass(dataset.schema, FileRow)


@cache
def _dataset_of(fileset: FileSet) -> Dataset:
    base = FileRow if fileset.subject is None else PersonalFileRow
    bases = (base,) if fileset.attributes is None else (fileset.attributes, base)
    if fileset.attributes is not None:
        taken = {column.name for column in fileset.attributes.columns()} & {*FILE_COLUMNS, BYTES}
        if taken:
            fileset.refuse(f"its attribute {min(taken)!r} is a column that every file set has")
    return Dataset(
        fileset.name,
        schema=type("Files", bases, {"__module__": __name__}),
        key="path",
        time=fileset.time,
        subject=fileset.subject,
        subject_field=fileset.subject_field,
        description=fileset.description,
        buckets=fileset.buckets,
    )
