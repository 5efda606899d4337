"""Everything that a graph would hold, noted as it is called on fake CUDA tensors: kernels, bytes, memory; and what the
driver would refuse while it records.

Kernels are counted before any is fused, as eager torch launches them; views cost none. Bytes are what kernels must read
and write at least: a gather reads what it takes, not its table.
"""

import weakref
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from voiceagent.engines.nemo.fused import operation

NO_KERNEL = frozenset(
    {"device", "dim", "sym_size", "dropout", "native_dropout", "detach", "alias", "lift_fresh", "set_"}
)
ALLOCATIONS = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view"})
UNDIVIDED = frozenset({"linear", "layer_norm"})
"""One kernel each, though torch could divide them further."""
PRODUCTS = frozenset({"linear", "mm", "bmm", "addmm", "addmm_", "matmul", "convolution"})
READ_BACK = frozenset({"_local_scalar_dense", "is_nonzero", "equal"})
SHAPED_BY_VALUES = frozenset({"nonzero", "masked_select", "unique_dim", "_unique2"})
GATHERS = frozenset({"index", "index_select", "embedding", "gather"})
SCATTERS = frozenset({"index_put_", "index_copy_", "scatter_", "scatter_add_", "index_put", "_index_put_impl_"})
BLOCK = 512
"""PyTorch's allocator rounds sizes up to this."""


class Recording(TorchDispatchMode):
    """Notes what is called while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: Counter[str] = Counter()
        self.moved: Counter[str] = Counter()
        """Bytes, by kernel."""
        self.refused: Counter[str] = Counter()
        """What no graph may hold: values read back, shapes that depend on values, tensors of two devices."""
        self.products: Counter[torch.dtype] = Counter()
        """Products and convolutions, by the format of what they multiply."""
        self.most_live = 0
        """Bytes of intermediate results alive at once, at most."""
        self._live: dict[int, list[int]] = {}
        self._bytes_live = 0

    @property
    def count(self) -> int:
        """How many kernels."""
        return self.kernels.total()

    @property
    def megabytes(self) -> float:
        """What they read and write."""
        return round(self.moved.total() / 1e6, 2)

    def add(self, name: str, kernels: int, moved: int, dtype: torch.dtype | None = None) -> None:
        """Note some kernels that are not called here but known."""
        self.kernels[name] += kernels
        self.moved[name] += moved
        if dtype is not None:
            self.products[dtype] += 1

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        if name not in NO_KERNEL | ALLOCATIONS | UNDIVIDED:
            with self:
                divided = func.decompose(*args, **kwargs)
            if divided is not NotImplemented:
                return divided
        given = _tensors((args, kwargs))
        self._refuse(name, args, given)
        result = func(*args, **kwargs)
        made = _tensors(result)
        if name == "_to_copy":
            self._mixed(name, [*given, *made])
        written = any(one.alias_info is not None for one in func._schema.returns)
        self._track(made, new=not written)
        is_view = any(one.alias_info is not None and not one.alias_info.is_write for one in func._schema.returns)
        on_gpu = any(tensor.device.type == "cuda" for tensor in (*given, *made))
        if on_gpu and not is_view and name not in NO_KERNEL | ALLOCATIONS:
            dtype = given[0].dtype if name in PRODUCTS | operation.PRODUCTS else None
            fused = func.namespace == operation.NAMESPACE
            self.add(name, 1, operation.MOVED[name](*args, **kwargs) if fused else _moved(name, given, made), dtype)
        return result

    def _refuse(self, name: str, args: Any, given: list[Tensor]) -> None:
        """Note what is called and may be in no graph."""
        if name in READ_BACK:
            self.refused[f"a value is read back ({name})"] += 1
        by_mask = name.startswith("index") and any(one.dtype == torch.bool for one in _tensors(args[1:2]))
        if name in SHAPED_BY_VALUES or by_mask:
            self.refused[f"a shape depends on values ({name})"] += 1
        self._mixed(name, given)

    def _mixed(self, name: str, tensors: list[Tensor]) -> None:
        """Note a copy between devices, or a computation over both; a number in a tensor without dimensions is none."""
        if {tensor.device.type for tensor in tensors} != {"cpu", "cuda"} or name in NO_KERNEL | ALLOCATIONS:
            return
        if name in ("copy_", "_to_copy"):
            self.refused[f"copied between devices ({name})"] += 1
        elif any(tensor.dim() for tensor in tensors if tensor.device.type == "cpu"):
            self.refused[f"a tensor of the CPU ({name})"] += 1

    def _track(self, made: list[Tensor], *, new: bool) -> None:
        for tensor in made:
            storage = tensor.untyped_storage()
            key = storage._cdata
            if tensor.device.type != "cuda" or (key not in self._live and not new):
                continue  # what there was before: weights, caches
            if key not in self._live:
                size = -(-storage.nbytes() // BLOCK) * BLOCK
                self._live[key] = [0, size]
                self._bytes_live += size
                self.most_live = max(self.most_live, self._bytes_live)
            self._live[key][0] += 1
            weakref.finalize(tensor, self._forget, key).atexit = False

    def _forget(self, key: int) -> None:
        if entry := self._live.get(key):
            entry[0] -= 1
            if not entry[0]:
                self._bytes_live -= entry[1]
                del self._live[key]


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _moved(name: str, given: list[Tensor], made: list[Tensor]) -> int:
    """Return the bytes that a kernel must read and write."""
    if name in GATHERS:
        return 2 * sum(tensor.nbytes for tensor in made)
    if name in SCATTERS:
        return 2 * given[-1].nbytes
    once = {id(tensor): tensor.nbytes for tensor in given}
    return sum(once.values()) + (0 if name.endswith("_") else sum(tensor.nbytes for tensor in made))
