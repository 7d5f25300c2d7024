"""Benchmark of the oracle, taken apart: persons and backgrounds under the target's cameras.

    python projects/gcl_camera/tools/oracle_parts.py \
        [projects/gcl_camera/configs/gcl_camera_synth_n.py] \
        --load-from work_dirs/gcl_camera_synth/stage_identity.pth

Renders every training image of synth_a again as the target's camera of its number would have taken
it, in the pose and from the side of the image, and mixes the two by the masks. Each of the copies
is the positive of a stage of phase M, as in the config's control (the image again) and its oracle
(another pose and side too), all from the same E_c. The table is that of `report.md` in --out;
without --load-from, E_c is trained first.
"""

import argparse
import os
import sys
from functools import partial
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(ROOT)]

from mmengine.config import Config  # noqa: E402
from PIL import Image  # noqa: E402
from tqdm import tqdm  # noqa: E402

from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.engine import ReIDRunner  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.engine.translation import JPEG  # noqa: E402
from reidgen.files import written_whole  # noqa: E402
from reidgen.synthetic import Plan, as_stored, mixed, rerender  # noqa: E402
from reidgen.synthetic.camera import STYLES  # noqa: E402
from reidgen.synthetic.plan import Job  # noqa: E402

CONFIG = ROOT / 'projects/gcl_camera/configs/gcl_camera_synth.py'
PARTS = {
    'person': "the person under the target's camera, before the source's scene",
    'scene': "the source's person, before the target camera's scene",
    'both': 'person and scene of the target camera, pose and viewpoint of the source',
}
# where there are lamps, beside one of which the person stands in the others
LAMPS = {'place': "the same at the place under the lamps of the oracle's image"}


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='?', default=str(CONFIG), help='with the stage `oracle`')
    parser.add_argument('--out', help='folder of views and runs; work_dirs/oracle_parts/<config>')
    parser.add_argument('--load-from', help='stage_identity.pth of the config')
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, help='that render')
    parser.add_argument('--seed', type=int, default=0, help='of the training')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={})
    parsed = parser.parse_args(args)
    parsed.out = parsed.out or str(Path('work_dirs/oracle_parts', Path(parsed.config).stem))
    return parsed


def parts_of(oracle: str) -> dict[str, str]:
    """Titles of the copies by name."""
    return PARTS | (LAMPS if STYLES[Plan.of(oracle).cameras].night is not None else {})


def render(out: Path, oracle: str, workers: int) -> None:
    """Fills `out/<part>` for each part; what is there is kept."""
    plan = Plan.of('synth_a')
    for part in parts_of(oracle):
        (out / part).mkdir(parents=True, exist_ok=True)
    jobs = [job for job in plan.jobs() if job.kind == 'train']
    # spawned, not forked: torch has threads
    with get_context('spawn').Pool(workers) as pool:
        each = pool.imap_unordered(partial(render_person, out, oracle), jobs)
        for _ in tqdm(each, total=len(jobs), desc='persons', disable=None):
            pass


def render_person(out: Path, oracle: str, job: Job) -> None:
    """The copies of one person's training images, under the images' names.

    Args:
        oracle: domain of the source's persons under the target's cameras.
    """
    plan, other = Plan.of('synth_a'), Plan.of(oracle)
    places = {picture.name: picture for picture in other.pictures(job)}
    for picture in plan.pictures(job):
        paths = {part: out / part / f'{picture.name}.jpg' for part in parts_of(oracle)}
        if all(path.exists() for path in paths.values()):
            continue
        here, there = (rerender(plan, each, job, picture) for each in (plan, other))
        here, there = (taken._replace(image=as_stored(taken)) for taken in (here, there))
        views = dict(person=mixed(there, here), scene=mixed(here, there), both=there.image)
        if 'place' in paths:
            views['place'] = as_stored(
                rerender(plan, other, job, picture, place=places[picture.name])
            )
        for part, path in paths.items():
            with written_whole(path) as written:
                Image.fromarray(views[part]).save(written, format='JPEG', **JPEG)


def configure(args: argparse.Namespace) -> Config:
    """The config with a stage for each part between the control and the oracle."""
    cfg = load_config(args.config, args.cfg_options)
    identity, control, oracle = cfg.train_cfg.stages[:3]
    loader = cfg.train_dataloader.again
    titles = parts_of(cfg.oracle.domain)
    for part in titles:
        views = dict(type='FolderReID', root=str(Path(args.out, part).absolute()), split='train')
        cfg.train_dataloader[part] = dict(loader, dataset=dict(loader.dataset, second=views))
    parts = [
        dict(control, name=part, title=title, loaders=dict(pairs=part), baselines=[])
        for part, title in titles.items()
    ]
    branches = [dict(stage, start='identity') for stage in (control, *parts, oracle)]
    cfg.train_cfg.stages = [identity, *branches]
    cfg.default_hooks.update(best_loss=None, translated=None, pseudo_label=None, grid=None)
    cfg.default_hooks.checkpoint.best_stages = ['oracle']
    if args.load_from:
        cfg.train_cfg.first_stage, cfg.load_from = 'control', args.load_from
    cfg.randomness, cfg.work_dir = dict(seed=args.seed), str(Path(args.out, f'seed{args.seed}'))
    return cfg


def benchmark(args: argparse.Namespace) -> None:
    """Renders what is not there, and trains."""
    cfg = configure(args)
    render(Path(args.out), cfg.oracle.domain, args.workers)
    ReIDRunner.from_cfg(cfg).train()
    print(Path(cfg.work_dir, 'report.md').read_text())


def main() -> None:
    args = parse_args()
    run(lambda: benchmark(args), args.out)


if __name__ == '__main__':
    main()
