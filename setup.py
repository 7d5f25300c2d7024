"""Installs reidgen and what it runs on: `pip install -e .`."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

root = Path(__file__).parent
version = re.search(r"__version__ = '(.+)'", (root / 'reidgen/__init__.py').read_text())[1]


class BuildWithConfigs(build_py):
    """Build whose wheel has `configs` and the Python files of `projects`, in `reidgen/_shipped`."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the clone has them
            return
        shipped = Path(self.build_lib, 'reidgen/_shipped')
        shutil.rmtree(shipped, ignore_errors=True)  # of an earlier build
        for folder in ('configs', 'projects'):
            for path in sorted((root / folder).rglob('*.py')):
                inside = path.relative_to(root)
                if not {'tests', 'conftest.py', 'fixtures.py'} & set(inside.parts):
                    (shipped / inside).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, shipped / inside)


TIMM = 'timm>=1.0.16'
H5PY = 'h5py>=3.10'
ONNX = ['onnx>=1.17', 'onnxruntime>=1.20', 'onnxscript>=0.2']
PML = 'pytorch-metric-learning>=2.4'

setup(
    name='reidgen',
    version=version,
    description='Person re-identification with GANs across domains',
    long_description=(root / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11,<3.14',
    packages=find_packages(include=['reidgen', 'reidgen.*']),
    package_data={
        'reidgen': ['py.typed'],
        'reidgen.adaptation': ['*.txt'],
        'reidgen.reporting': ['page.*'],
        'reidgen.synthetic': ['assets/*'],
        'reidgen.inference': ['models/*.safetensors'],
    },
    cmdclass={'build_py': BuildWithConfigs},
    entry_points={'console_scripts': ['reidgen = reidgen.cli:main']},
    install_requires=[
        'torch>=2.6',
        'torchvision>=0.21',
        'mmengine>=0.10.7,<0.11',  # later ones may load checkpoints unsafely
        'mmcv-lite>=2.2,<3',  # the pure-Python wheel of mmcv: the same import, no compiled op
        'numpy>=1.26',
        'scipy>=1.11',
        'scikit-learn>=1.4',
        'pillow>=10',
        'pyyaml',
        'safetensors>=0.4',
        'jinja2>=3.1',  # the page of the command report
        'tensorboard',
        'tqdm',
        'packaging',  # `reidgen doctor` compares versions
        'filelock>=3.12',  # one process renders, the others wait
    ],
    extras_require={
        'dev': [
            'pytest>=8',
            'pytest-xdist>=3.8',
            'ruff>=0.6',
            'mypy>=2',
            'torchmetrics>=1.4',
            'faiss-cpu>=1.8',
            TIMM,
            PML,
            H5PY,
            *ONNX,
        ],
        # the site: mkdocs build --strict
        'docs': ['mkdocs>=1.6,<2', 'mkdocs-material>=9.5'],
        'demo': ['gradio>=6'],  # the page of `reidgen demo`
        'cuhk03': [H5PY],  # `reidgen prepare` of the first release
        'timm': [TIMM],  # trunks of ContentEncoder named 'timm/...'
        'pml': [PML],  # losses of pytorch-metric-learning by name, dict(type='PML')
        'onnx': ONNX,  # `reidgen export --out model.onnx`, and its comparison with torch
        'faiss': ['faiss-cpu>=1.8'],  # search of feature stores by its indexes
        # FID, KID and SSIM of translated images; torch-fidelity has the Inception network of FID
        'metrics': ['torchmetrics>=1.4', 'torch-fidelity>=0.4'],
    },
)
