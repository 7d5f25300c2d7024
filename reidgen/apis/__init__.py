"""What is done with a trained model: features of any images, kept on disk and searched.

extractor = FeatureExtractor('config.py', 'checkpoint.pth')
extract(extractor, open_images('crops', extractor.transforms), 'features')
store = FeatureStore('features')
found = search(read_queries('person.jpg', store).features, store, top=10)
print(store.records(found.rows[0].tolist()))
"""

from reidgen.apis.extraction import Extraction, extract, join_processes
from reidgen.apis.feature_extractor import FeatureExtractor
from reidgen.apis.feature_store import FeatureStore
from reidgen.apis.image_sources import open_dataset, open_images
from reidgen.apis.queries import read_queries
from reidgen.apis.search import search, search_other_cameras

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
