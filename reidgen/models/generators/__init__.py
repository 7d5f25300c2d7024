"""Networks that paint images."""
from reidgen.models.generators.adain import AdaINDecoder, AdaINHeads

__all__ = ['AdaINDecoder', 'AdaINHeads']
