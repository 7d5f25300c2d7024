"""Cross-domain GCL in one torch loop: networks, losses and memory of reidgen, without its engine.

    python examples/gcl_loop.py [--identity 30 --generators 10 --joint 10]

Two domains of figures drawn in memory, half a minute on a CPU; the numbers mean nothing.
configs/gcl_smoke.py is the same with checkpoints and reports, models/cross_domain_gcl.py has all
options of the method.

Letters: x image, p pose code, c code of an image (`content` drives the decoders, `embedding` is
compared), s source, t target; x_s2t is the content of a source image in target style.
"""

import argparse
from collections.abc import Iterator

import torch
import torch.nn.functional as nnf
from torch.utils.data import DataLoader, default_collate

from reidgen import losses
from reidgen.datasets import IdentitySampler, ShapesReID, ShuffleSampler
from reidgen.evaluation import RetrievalLabels, evaluate
from reidgen.memory import FeatureBank
from reidgen.models import BatchNormalizer
from reidgen.registry import build_network
from reidgen.rng import StepRNG

PERSONS, DIM, ADAM = 8, 64, (5e-4, (0.5, 0.999))  # rate and betas
WEIGHTS = dict(adv=1.0, gp=10.0, recon=5.0, cycle=5.0, content=5.0, memory=1.0)
DISCRIMINATOR = dict(type='StridedDiscriminator', num_scales=2, base_dim=16)
DECODER = dict(type='AdaINDecoder', content_dim=2048, base_dim=16, head_dim=32)
POSE = dict(type='PoseEncoder', base_dim=4, num_res_blocks=1, out_dim=16, dilations=(1, 2, 3))
CONTENT = dict(type='ContentEncoder', trunk='resnet18', num_parts=4, embed_dim=DIM, weights=None)
normalize = BatchNormalizer()  # uint8 images and maps of a batch to float32


def shapes(domain: str, split: str = 'train', labelled: bool = True) -> ShapesReID:
    """Images (3, 64, 32) with identities, cameras and pose maps."""
    return ShapesReID(domain, split, PERSONS, pose_map=dict(type='ShapesMap'), labelled=labelled)


def batches(dataset: ShapesReID, sampler: type, size: int, **options: int) -> Iterator:
    """Endless batches: img, pose_map, novel_map, pid, camid, index."""
    order = sampler(dataset, batch_size=size, seed=0, **options)
    return map(normalize, DataLoader(dataset, size, sampler=order, collate_fn=default_collate))


@torch.no_grad()
def embed(E_c: torch.nn.Module, dataset: ShapesReID) -> torch.Tensor:
    """(N, D) features of a data set in order, L2-normalised."""
    E_c.eval()
    loader = DataLoader(dataset.plain(), 32, collate_fn=default_collate)
    return nnf.normalize(torch.cat([E_c(normalize(batch).img).embedding for batch in loader]))


def report(title: str, E_c: torch.nn.Module) -> None:
    test = shapes('b', 'query+gallery')
    features, num_query = embed(E_c, test), test.metainfo['num_query']
    labels = RetrievalLabels.of_split(num_query, test.pids, test.camids)
    result = evaluate(features[:num_query], features[num_query:], labels, protocol='market1501')
    print(f'{title}: mAP {100 * result.mAP:.1f}, rank-1 {100 * result.cmc[0]:.1f}')


def train_identity(E_c: torch.nn.Module, source: ShapesReID, iters: int) -> None:
    """Stage 1: E_c and a classifier on the labelled source."""
    C = build_network(dict(type='IdentityClassifier', in_dim=DIM, num_identities=PERSONS))
    classify, triplet = losses.LabelSmoothCrossEntropy(), losses.BatchHardTriplet()
    optim = torch.optim.Adam([*E_c.parameters(), *C.parameters()], 1e-3, weight_decay=5e-4)
    by_person = batches(source, IdentitySampler, 16, num_identities=4, num_images=4)
    E_c.train()
    for iteration, s in zip(range(iters), by_person):
        c = E_c(s.img)
        terms = dict(identity=classify(C(c.embedding), s.pid), triplet=triplet(c.pre_bn, s.pid))
        step(sum(terms.values()), optim)
        log('identity', iteration, terms)


def train_translation(E_c: torch.nn.Module, source: ShapesReID, iters: int, joint: int) -> None:
    """Stage 2, generators and discriminators with E_c frozen, then stage 3, everything."""
    rng, E_p, target = StepRNG(seed=0), build_network(POSE), shapes('b', labelled=False)
    G, F = build_network(DECODER), build_network(DECODER)  # to target style, to source style
    D_s, D_t = build_network(DISCRIMINATOR), build_network(DISCRIMINATOR)
    gan, penalty = losses.GANLoss('lsgan'), losses.GradientPenalty()
    contrast = losses.MemoryContrast(num_negatives=16)
    bank = FeatureBank(len(source), DIM)
    bank.fill(embed(E_c, source), source.pids)
    optim_d = torch.optim.Adam([*D_s.parameters(), *D_t.parameters()], *ADAM)
    optim_g = torch.optim.Adam([*G.parameters(), *F.parameters(), *E_p.parameters()], *ADAM)
    optim_e = torch.optim.SGD(E_c.parameters(), lr=3.5e-5, momentum=0.9)
    pairs = zip(batches(source, ShuffleSampler, 4), batches(target, ShuffleSampler, 4))
    for iteration, (s, t) in zip(range(iters + joint), pairs):
        adapt = iteration >= iters
        E_c.train(adapt).requires_grad_(adapt)
        rng.begin(iteration)
        # one forward for all losses
        c_s, c_t, p_s, p_t = E_c(s.img), E_c(t.img), E_p(s.pose_map), E_p(t.pose_map)
        x_s2s, x_t2t = F(p_s, c_s.content), G(p_t, c_t.content)
        x_s2t, x_t2s = G(p_s, c_s.content), F(p_t, c_t.content)
        c_s2t, c_t2s = E_c(x_s2t), E_c(x_t2s)
        x_s2t2s, x_t2s2t = F(p_s, c_s2t.content), G(p_t, c_t2s.content)
        # the discriminators step first; gan and penalty detach the translated images
        adversaries = (('Ds', D_s, s.img, x_t2s), ('Dt', D_t, t.img, x_s2t))
        d: dict[str, torch.Tensor] = {}
        for name, D, real, fake in adversaries:
            d |= gan.discriminator(name, D, real, fake, rng=rng)
            d |= penalty(name, D, real, fake, rng=rng)
        step(weighted(d), optim_d)
        g = {f'adv.{name}': gan.generator(D, fake, rng=rng) for name, D, _, fake in adversaries}
        g |= {'recon.s': nnf.l1_loss(x_s2s, s.img), 'recon.t': nnf.l1_loss(x_t2t, t.img)}
        g |= {'cycle.s': nnf.l1_loss(x_s2t2s, s.img), 'cycle.t': nnf.l1_loss(x_t2s2t, t.img)}
        for name, real, fake in (('s2t', c_s, c_s2t), ('t2s', c_t, c_t2s)):
            g[f'content.{name}'] = nnf.l1_loss(fake.content, real.content.detach())
        if adapt:  # x_s2t shows the person of x_s in target style: this is what adapts E_c
            g['memory'] = contrast(bank, c_s.embedding, c_s2t.embedding, s.index, rng=rng)
        step(weighted(g), optim_g, *([optim_e] if adapt else []))
        if adapt:
            bank.update(s.index, c_s.embedding.detach())
        log('joint' if adapt else 'generators', iteration, d | g)


def weighted(terms: dict[str, torch.Tensor]) -> torch.Tensor:
    """Sum of terms named family.detail, weighed by family; `stat.` terms are logged alone."""
    named = ((name.partition('.')[0], term) for name, term in terms.items())
    return sum((WEIGHTS[f] * term for f, term in named if f != 'stat'), torch.zeros(()))


def step(loss: torch.Tensor, *optims: torch.optim.Optimizer) -> None:
    for optim in optims:
        optim.zero_grad()  # what earlier losses have left there
    loss.backward()
    for optim in optims:
        optim.step()


def log(stage: str, iteration: int, terms: dict[str, torch.Tensor]) -> None:
    shown = (f'{name} {terms[name].item():.3f}' for name in terms if 'grad_norm' not in name)
    print(stage, iteration + 1, *shown)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    for stage, iters in (('identity', 30), ('generators', 10), ('joint', 10)):
        parser.add_argument(f'--{stage}', type=int, default=iters, help='iterations')
    args = parser.parse_args()
    torch.manual_seed(0)
    encoder, labelled = build_network(CONTENT), shapes('a')
    train_identity(encoder, labelled, args.identity)
    report('direct transfer', encoder)
    train_translation(encoder, labelled, args.generators, args.joint)
    report('after the joint stage', encoder)
