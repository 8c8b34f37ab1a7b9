"""Arrays as bytes: an archive of NPY members that is the same for the same arrays."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_arrays(arrays: Sequence[npt.NDArray[Any]]) -> bytes:
    """Return the arrays, in order, as an uncompressed archive without times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for at, array in enumerate(arrays):
            member = io.BytesIO()
            np.save(member, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{at}.npy", _EPOCH), member.getvalue())
    return buffer.getvalue()


def read_arrays(data: bytes) -> list[npt.NDArray[Any]]:
    """Read what `write_arrays` wrote. An array of Python objects is refused: it would be a pickle.

    Raises:
        IntegrityError: The bytes are not such an archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [archive.read(f"{at}.npy") for at in range(len(archive.namelist()))]
        return [np.load(io.BytesIO(one), allow_pickle=False) for one in members]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise IntegrityError(f"the model's arrays can't be read: {error}") from error
