from reidgen.spacing import evenly_spaced


def test_members_are_evenly_spaced_from_the_first_on():
    assert evenly_spaced(10, 4) == [0, 2, 5, 7]  # the whole parts of 0, 2.5, 5 and 7.5
    assert evenly_spaced(3, 3) == [0, 1, 2]
    assert evenly_spaced(2, 4) == [0, 0, 1, 1]
    assert evenly_spaced(0, 0) == evenly_spaced(5, 0) == []
