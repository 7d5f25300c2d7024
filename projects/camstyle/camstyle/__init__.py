"""CamStyle (Zhong et al., CVPR 2018): camera-styled copies as training images of their persons."""

from .model import CamStyle

__all__ = ['CamStyle']
