"""Protocols of retrieval evaluation: which gallery images are junk to a query."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Protocol:
    """Junk of a query, besides the images of pid -1, which always are."""

    name: str
    same_camera_is_junk: bool = True  # the query's person by the query's camera
    one_set: bool = False  # query and gallery are the same images: own row is junk

    @property
    def description(self) -> str:
        """The rule in words, for print."""
        if self.one_set:
            return 'one set against itself, junk are the image itself and pid -1'
        if self.same_camera_is_junk:
            return "junk are the query's person by its own camera and pid -1"
        return 'junk is pid -1, cameras play no part'


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol('market1501'),
        Protocol('msmt17'),
        Protocol('cuhk03-np'),  # the camera is the view, 0 or 1
        Protocol('no-camera', same_camera_is_junk=False),
        Protocol('all-vs-all', same_camera_is_junk=False, one_set=True),
    )
}


def find_protocol(name: str | Protocol) -> Protocol:
    """Protocol of a name; an unknown one raises ValueError and lists the known."""
    if isinstance(name, Protocol):
        return name
    if name not in PROTOCOLS:
        raise ValueError(f'unknown protocol {name!r}; known: {", ".join(PROTOCOLS)}')
    return PROTOCOLS[name]
