import logging

from mmengine.logging import MMLogger

from reidgen.datasets.log_once import log_once


def test_a_line_is_logged_once_a_logger_and_level(log):
    for level in (logging.INFO, logging.INFO, logging.WARNING, logging.WARNING):
        log_once('the same line of test_log_once', level)
    assert [each.levelname for each in log.records] == ['INFO', 'WARNING']


def test_another_run_logs_the_line_again(log, monkeypatch):
    log_once('a line for two runs')
    other = MMLogger('another run')
    heard = []
    monkeypatch.setattr(other, 'log', lambda level, message: heard.append(message))
    monkeypatch.setattr(MMLogger, 'get_current_instance', lambda: other)
    log_once('a line for two runs')
    log_once('a line for two runs')
    assert heard == ['a line for two runs']
