import pytest

from reidgen.engine.stages import (
    Stage,
    batches_drawn,
    check_same_stages,
    describe,
    parse_stages,
    stage_at,
    used_loaders,
)

THREE = [
    dict(name='identity', iters=3, loaders=['identity']),
    dict(name='generators', iters=2, loaders=['source', 'target']),
    dict(name='joint', iters=4),
]


@pytest.mark.parametrize(
    'iteration,name,done',
    [
        (0, 'identity', 0),
        (2, 'identity', 2),
        (3, 'generators', 0),
        (4, 'generators', 1),
        (5, 'joint', 0),
        (8, 'joint', 3),
    ],
)
def test_the_stage_of_an_iteration(iteration, name, done):
    stage, found = stage_at(parse_stages(THREE), iteration)
    assert (stage.name, found) == (name, done)


def test_an_iteration_past_the_end_is_refused():
    with pytest.raises(ValueError, match='iteration 9 is past the last stage, which ends at 9'):
        stage_at(parse_stages(THREE), 9)


@pytest.mark.parametrize('loader', ['identity', 'source', 'target'])
def test_batches_drawn_equals_counting_them_one_by_one(loader):
    stages = parse_stages(THREE)
    drawn = 0
    for iteration in range(9):
        assert batches_drawn(stages, iteration, loader) == drawn
        named = stage_at(stages, iteration)[0].loaders
        drawn += named is None or loader in named
    assert batches_drawn(stages, 9, loader) == drawn


def test_lists_become_tuples_and_the_rest_keeps_its_default():
    stage = parse_stages([dict(name='a', iters=1, phases=['D'], frozen=['E_c'])])[0]
    assert (stage.phases, stage.frozen) == (('D',), ('E_c',))
    assert (stage.loaders, stage.labels, stage.start) == (None, 'identity', 'last')


@pytest.mark.parametrize(
    'stage,error',
    [
        (
            dict(name='a', iters=1, loss_weight={}),
            r"unknown key 'loss_weight' \(did you mean 'loss_weights'",
        ),
        (
            dict(name='a', iters=1, colour=3),
            r"stage a: unknown key 'colour'; known: name, iters",
        ),
        (
            dict(name='a', iters=1, loaders=dict(source='source', target='source')),
            r'stage a: loaders gives two fields the batches of one loader: .*; add another loader',
        ),
        (dict(name='a'), r"a stage needs \['iters'\]"),
        (dict(name='a', iters=0), 'iters must be a whole number from 1; got 0'),
        (dict(name='a', iters=2.5), 'iters must be a whole number from 1; got 2.5'),
        (
            dict(name='a', iters=1, labels='pseudo'),
            r"labels is 'pseudo'; choose one of identity, cluster",
        ),
        (dict(name='a', iters=1, start='worst'), "start is 'worst'; choose one of last, best"),
        (
            dict(name='a', iters=1, baselines=['dirct']),
            r"a baseline is 'dirct' \(did you mean 'direct'\?\); choose one of direct, adabn",
        ),
        (
            dict(name='a', iters=1, eval_every=0),
            'eval_every must be a whole number.*None for no.*0',
        ),
        (dict(name='a', iters=1, eval_every=-2), r'stage a: eval_every must be .*; got -2'),
        (dict(name='a', iters=1, loaders='identity'), r"is 'identity'.*: loaders=\['identity'\]"),
        (dict(name='a', iters=1, phases='D'), r"phases is 'D'; write a list: phases=\['D'\]"),
        (dict(name='a', iters=1, frozen='E_c'), r"is 'E_c'; write a list: frozen=\['E_c'\]"),
        (dict(name='a', iters=1, frozen=None), r'frozen is None; write a list: frozen=\[\]'),
        (dict(name='a', iters=1, baselines='direct'), r"a list: baselines=\['direct'\]"),
        (
            dict(name='a', iters=1, lr=dict(I=dict(gama=0.1))),
            r"stage a: lr rule of group I: unknown key 'gama' \(did you mean 'gamma'\?\); known: "
            'scale, warmup, every, milestones, gamma, linear_from,',
        ),
        (
            dict(name='a', iters=1, lr=dict(I=dict(every=0, gamma=0.1))),
            'lr rule of group I: every is 0; set it to a whole number from 1',
        ),
        (dict(name='a', iters=1, lr=dict(I=0.1)), 'group I: it is 0.1; write a rule, such as'),
        (dict(name='a', iters=1, lr=0.1), 'stage a: lr is 0.1; write a rule for each group'),
    ],
)
def test_a_wrong_stage_names_the_fault(stage, error):
    with pytest.raises(ValueError, match=error):
        parse_stages([stage])


@pytest.mark.parametrize('value', [0, -1, 2.0, True, None, '2'])
def test_accumulate_is_a_whole_number_from_1(value):
    with pytest.raises(ValueError, match='stage a: accumulate must be a whole number from 1; got'):
        parse_stages([dict(name='a', iters=1, accumulate=value)])


def test_a_stage_that_accumulates_draws_that_many_batches_an_iteration():
    stages = parse_stages([dict(name='a', iters=2, accumulate=3), dict(name='b', iters=4)])
    assert [batches_drawn(stages, n, 'x') for n in range(5)] == [0, 3, 6, 7, 8]


def test_no_stage_and_two_of_one_name_are_refused():
    with pytest.raises(ValueError, match='stages is empty'):
        parse_stages([])
    with pytest.raises(ValueError, match='two stages have the same name'):
        parse_stages([dict(name='a', iters=1), dict(name='a', iters=2)])


def test_first_stage_leaves_the_earlier_ones_out():
    assert [s.name for s in parse_stages(THREE, 'generators')] == ['generators', 'joint']
    with pytest.raises(ValueError, match=r"first_stage is 'jont' .*one of identity, generators"):
        parse_stages(THREE, 'jont')


# ---- resume ----


def changed(number: int, **keys) -> tuple[Stage, ...]:
    return parse_stages(
        [dict(stage, **(keys if n == number else {})) for n, stage in enumerate(THREE)]
    )


def test_only_the_last_stage_may_get_longer():
    saved = describe(parse_stages(THREE))
    check_same_stages(saved, parse_stages(THREE))
    check_same_stages(saved, changed(2, iters=10))
    with pytest.raises(ValueError, match='stage joint: iters was 4 in the checkpoint and is 3'):
        check_same_stages(saved, changed(2, iters=3))
    with pytest.raises(ValueError, match=r'stage identity: iters was 3 .* and is 4'):
        check_same_stages(saved, changed(0, iters=4))


@pytest.mark.parametrize('key,value', [('eval_every', 7), ('eval_every', None), ('title', 'G, F')])
def test_what_only_watches_the_training_may_change(key, value):
    check_same_stages(describe(parse_stages(THREE)), changed(1, **{key: value}))
    check_same_stages(describe(changed(1, **{key: value})), parse_stages(THREE))


def test_a_checkpoint_of_before_a_key_was_there_has_its_default():
    saved = [{k: v for k, v in s.items() if k != 'accumulate'} for s in describe(changed(0))]
    check_same_stages(saved, parse_stages(THREE))
    with pytest.raises(ValueError, match=r'stage generators: accumulate was 1 in the .* and is 2'):
        check_same_stages(saved, changed(1, accumulate=2))


@pytest.mark.parametrize(
    'key,value',
    [('phases', ['D']), ('frozen', ['G']), ('loss_weights', {'gp': 0.0}), ('loaders', ['source'])],
)
def test_any_other_change_is_refused_by_its_key(key, value):
    with pytest.raises(ValueError, match=rf'stage generators: {key} was .*--load-from'):
        check_same_stages(describe(parse_stages(THREE)), changed(1, **{key: value}))


def test_another_number_of_stages_is_refused_with_both_lists():
    with pytest.raises(
        ValueError, match=r"'identity', 'generators', 'joint'\], the config has \['joint'\]"
    ):
        check_same_stages(describe(parse_stages(THREE)), parse_stages(THREE, 'joint'))


# ---- branches ----

BRANCHES = [
    *THREE[:2],
    dict(name='control', iters=2, loaders=dict(views='again'), start='identity'),
    dict(name='memory', iters=3, loaders=dict(views='translated'), start='generators'),
]


def test_a_field_may_be_drawn_from_another_loader_in_each_stage():
    stages = parse_stages(BRANCHES)
    assert stages[2].fields(('again', 'translated')) == dict(views='again')
    assert stages[0].fields(('identity', 'source')) == dict(identity='identity')
    assert parse_stages(THREE)[2].fields(('a', 'b')) == dict(a='a', b='b')
    assert used_loaders(
        stages, ('identity', 'source', 'target', 'again', 'translated', 'spare')
    ) == [*('identity', 'source', 'target', 'again', 'translated')]
    assert [batches_drawn(stages, iteration, 'again') for iteration in (5, 6, 7, 9)] == [0, 1, 2, 2]
    assert batches_drawn(stages, 10, 'translated') == 3


def test_a_start_is_last_best_or_an_earlier_stage():
    assert [stage.start for stage in parse_stages(BRANCHES)][2:] == ['identity', 'generators']
    with pytest.raises(ValueError, match="stage a: start is 'b'; choose one of last, best"):
        parse_stages([dict(name='a', iters=1, start='b'), dict(name='b', iters=1)])


def test_the_first_stage_kept_starts_from_what_was_loaded():
    kept = parse_stages(BRANCHES[:3], 'control')
    assert [(stage.name, stage.start) for stage in kept] == [('control', 'last')]


def test_another_stage_that_starts_from_what_was_loaded_does_so_too():
    both = [dict(BRANCHES[2], name=name) for name in ('control', 'oracle')]
    kept = parse_stages([*THREE[:2], *both], 'control')
    assert [(stage.name, stage.start) for stage in kept] == [
        ('control', 'last'),
        ('oracle', 'loaded'),
    ]
    kept = parse_stages([*THREE[:2], *both], 'generators')  # begins where identity ended
    assert [stage.start for stage in kept] == ['last', 'loaded', 'loaded']


def test_a_stage_that_starts_from_one_left_out_is_refused():
    with pytest.raises(
        ValueError, match=r"memory starts from 'generators'.*'control' leaves out.* for 'identity'"
    ):
        parse_stages(BRANCHES, 'control')


@pytest.mark.parametrize(
    'every, told', [([5], 'write a number'), (dict(G=0), '1 to 4'), (dict(G=5), '1 to 4')]
)
def test_a_phase_is_due_within_its_stage(every, told):
    with pytest.raises(ValueError, match=told):
        Stage('joint', 4, every=every)
