"""Marks of progress as another thread sees them."""

from reidgen.engine.heartbeat import Heartbeat


def test_the_clock_moves_before_the_limit_so_that_a_long_silence_is_never_judged_as_a_short_one():
    set_in_order = []

    class Watched(Heartbeat):
        def __setattr__(self, name, value):
            set_in_order.append(name)
            super().__setattr__(name, value)

    heart = Watched(at=-1e6, long=True)
    set_in_order.clear()
    heart.beat('iteration', 7)
    assert set_in_order.index('at') < set_in_order.index('long')
