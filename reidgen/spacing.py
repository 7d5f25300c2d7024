"""Evenly spaced members of an ordered set."""


def evenly_spaced(size: int, num: int) -> list[int]:
    """`num` of the indices 0 to size - 1 in order, the first among them; repeated where num > size.

    Args:
        size: number of members, at least 1 where num is.
    """
    return [number * size // num for number in range(num)]
