import pytest


@pytest.fixture(scope='session')
def average_precision():
    """scikit-learn's, imported where it is used: that takes longer than a hundred tests."""
    from sklearn.metrics import average_precision_score

    return average_precision_score
