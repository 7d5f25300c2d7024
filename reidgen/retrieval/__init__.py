"""Retrieval with a trained encoder: feature extraction, feature stores and search.

extractor = FeatureExtractor('config.py', 'checkpoint.pth')
extract(extractor, open_images('crops', extractor.transforms), 'features')
store = FeatureStore('features')
topk = search(read_queries('person.jpg', store).features, store, top=10)
print(store.records(topk.rows[0].tolist()))
"""

from reidgen.retrieval.extraction import Extraction, extract, join_processes
from reidgen.retrieval.feature_extractor import FeatureExtractor
from reidgen.retrieval.feature_store import FeatureStore
from reidgen.retrieval.image_sources import open_dataset, open_images
from reidgen.retrieval.queries import read_queries
from reidgen.retrieval.search import search, search_other_cameras

__all__ = [
    'Extraction',
    'FeatureExtractor',
    'FeatureStore',
    'extract',
    'join_processes',
    'open_dataset',
    'open_images',
    'read_queries',
    'search',
    'search_other_cameras',
]
