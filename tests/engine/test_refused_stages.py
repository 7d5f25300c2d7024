"""Faults of hooks and stages, told before the first iteration."""

import pytest

from reidgen.engine.hooks import AtomicCheckpointHook, BestLossHook, TranslationGridHook

PAIR = dict(phases=['D', 'G'], loaders=['source', 'target'])
JOINT = dict(PAIR, name='joint', iters=2)


@pytest.mark.parametrize(
    'hook, options, named',
    [
        (TranslationGridHook, dict(interval=0), 'TranslationGridHook.interval is 0'),
        (TranslationGridHook, dict(num_images=-1), 'TranslationGridHook.num_images is -1'),
        (BestLossHook, dict(stage='a', interval=0.5), 'BestLossHook.interval is 0.5'),
        (AtomicCheckpointHook, dict(interval=-1), 'AtomicCheckpointHook.interval is -1'),
    ],
)
def test_counts_below_one_are_refused(hook, options, named):
    with pytest.raises(ValueError, match=named + '; it must be a whole number from 1'):
        hook(**options)


@pytest.mark.parametrize(
    'stages,error',
    [
        (
            [dict(JOINT, labels='cluster')],
            "stage joint: labels='cluster' needs a hook that clusters",
        ),
        ([dict(JOINT, start='best')], "stage joint is the first, so start='best' has nothing"),
        (
            [dict(PAIR, name='generators', iters=1), dict(JOINT, start='best')],
            r"start='best', but nothing keeps the best of generators; .*BestLossHook",
        ),
        (
            [dict(JOINT, lr=dict(X=dict(scale=2.0)))],
            r"lr names the group 'X'; optim_wrapper has \['D', 'E_c'",
        ),
        ([dict(JOINT, lr=dict(G=dict(every=2)))], 'lr rule of group G: an lr rule needs gamma'),
        ([dict(JOINT, lr=dict(G=dict(milestone=2)))], r"lr rule of group G: .*'milestone'"),
        ([dict(JOINT, loaders=['sauce'])], r"draws from \['sauce'\]; train_dataloader has"),
        ([dict(JOINT, phases=['X'])], r"\['X'\]; known: \['D', 'G', 'I', 'M', 'T'\]"),
        ([dict(JOINT, frozen=['E_x'])], r"\['E_x'\]"),
    ],
)
def test_a_wrong_stage_stops_before_the_first_iteration(stages, error, train, tmp_path):
    with pytest.raises(ValueError, match=error):
        train(tmp_path, {'train_cfg.stages': stages})
    assert not list(tmp_path.glob('*.pth'))


def test_param_scheduler_beside_stage_rules_is_refused(train, tmp_path):
    scheduler = {name: [] for name in ('D', 'G', 'F', 'P', 'E_c')}
    scheduler['I'] = [dict(type='MultiStepLR', milestones=[2], by_epoch=False)]
    with pytest.raises(ValueError, match='remove param_scheduler'):
        train(tmp_path, param_scheduler=scheduler)


def test_an_evaluation_without_val_loader_is_refused_before_training(train, tmp_path):
    nothing = dict.fromkeys(('val_dataloader', 'val_cfg', 'val_evaluator'))
    options = {'train_cfg.stages': [dict(JOINT, eval_every=1)]}
    with pytest.raises(
        ValueError, match='stage joint evaluates, but the config has no val_dataloader'
    ):
        train(tmp_path, options, **nothing)


def test_adabn_on_an_unknown_loader_is_refused_before_training(train, tmp_path):
    options = {'train_cfg.stages': [dict(JOINT, baselines=['adabn'])], 'val_cfg.adabn': 'traget'}
    with pytest.raises(ValueError, match=r"val_cfg\.adabn is 'traget'"):
        train(tmp_path, options)


def test_best_loss_of_an_unknown_stage_is_refused(train, tmp_path):
    with pytest.raises(ValueError, match=r"watches the stage 'x'; the stages are \['identity'"):
        train(tmp_path, {}, custom_hooks=[dict(type='BestLossHook', stage='x')])
