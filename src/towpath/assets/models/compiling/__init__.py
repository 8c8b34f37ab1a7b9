"""Models compiled to graphs that ONNX Runtime carries out, where the answers stay the same."""

from towpath.assets.models.compiling.compiling import compile_package
from towpath.assets.models.compiling.running import open_compiled

__all__ = ["compile_package", "open_compiled"]
