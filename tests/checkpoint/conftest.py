import pytest
import torch
from mmengine.logging import MMLogger

from tests.checkpoint import published_files as published


@pytest.fixture
def logged(monkeypatch):
    """The lines that are logged."""
    lines = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'handle', lambda record: lines.append(record.getMessage()))
    return lines


@pytest.fixture(scope='module')
def trunk() -> dict:
    """A ResNet-50 by torchvision's names."""
    torch.manual_seed(1)
    return published.resnet50(published.TORCHVISION)


@pytest.fixture
def generator() -> dict:
    """The decoder and structure encoder of GCL's file."""
    torch.manual_seed(2)
    return published.generator()


@pytest.fixture
def state() -> dict:
    return {'weight': torch.arange(1000.0), 'bias': torch.ones(2)}
