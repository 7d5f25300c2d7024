from pathlib import Path

import pytest
from few_people import few

from reidgen.synthetic import ensure
from reidgen.synthetic.writer import the_body


@pytest.fixture(scope='session')
def body():
    return the_body()


@pytest.fixture(scope='session')
def rendered(tmp_path_factory) -> Path:
    """Four people of synth_a; read only, copy before changing."""
    return ensure(few(), tmp_path_factory.mktemp('rendered'))
