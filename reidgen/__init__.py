"""reidgen: person re-identification with GANs across domains."""

__version__ = '0.1.0'
