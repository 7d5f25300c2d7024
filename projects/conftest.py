"""Fixtures of the projects' tests, where tests run."""


def pytest_configure(config):
    """Loads them, but not into the process of `-n` that only hands out tests: it needs no torch."""
    if hasattr(config, 'workerinput') or not config.getoption('numprocesses', 0):
        config.pluginmanager.import_plugin('projects.fixtures')
