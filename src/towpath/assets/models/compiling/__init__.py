"""Models compiled to graphs that ONNX Runtime carries out, where the answers stay the same."""

from typing import TYPE_CHECKING

from towpath.assets.models.compiling.running import open_compiled
from towpath.core.lazily import lazily

if TYPE_CHECKING:
    from towpath.assets.models.compiling.compiling import compile_package

# A gateway opens what was compiled: it need not load what compiles.
__getattr__ = lazily(__name__, {"compile_package": "compiling"})

__all__ = ["compile_package", "open_compiled"]
