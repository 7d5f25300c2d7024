import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def logged(monkeypatch):
    """The lines that are logged."""
    lines = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'handle', lambda record: lines.append(record.getMessage()))
    return lines
