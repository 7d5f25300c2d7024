"""LSPSlots: LSP with its joints in MPII's order."""

from torch import Tensor

from reidgen.datasets import LSP, Record
from reidgen.datasets.joint_layouts import lsp_to_mpii
from reidgen.registry import DATASETS


@DATASETS.register_module()
class LSPSlots(LSP):
    """LSP, its joints in the 16 slots of MPII (`layout='mpii16'`), as PoseGAN has them.

    Pelvis and thorax, which LSP does not mark, are always absent.
    """

    def read_joints(self, record: Record) -> Tensor:
        """Joints (16, 3) float32 in MPII's order, else as LSP's."""
        return lsp_to_mpii(super().read_joints(record))
