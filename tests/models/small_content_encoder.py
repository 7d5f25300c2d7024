"""ContentEncoder of the smallest trunk, by default without pretrained weights."""

from reidgen.models.encoders import ContentEncoder


def small(**kwargs) -> ContentEncoder:
    return ContentEncoder(**{'trunk': 'mobilenet_v2', 'embed_dim': 8, **kwargs})
