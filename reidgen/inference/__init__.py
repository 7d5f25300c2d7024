"""Use of trained models: model files, features of images of any kind, export.

model = reidgen.load('model.safetensors')
features = model.embed(['a.jpg', 'b.jpg'])
print(model.compare('a.jpg', 'b.jpg'), model.search('a.jpg', 'features', top=10))
"""

from .images import Images, OneImage
from .model import Comparison, Found, Model
from .model_file import ModelInfo, read_model_file, write_model_file
from .packing import pack
from .zoo import find_model, model_names

__all__ = [
    'Comparison',
    'Found',
    'Images',
    'Model',
    'ModelInfo',
    'OneImage',
    'find_model',
    'model_names',
    'pack',
    'read_model_file',
    'write_model_file',
]
