"""Measures of the command adapt on the page of a report."""

from reidgen.files import write_json
from reidgen.reporting import write_report


def test_measures_of_an_adaptation_stand_beside_each_other(tmp_path):
    folder = tmp_path / 'mine'
    (folder / 'a/vis_data').mkdir(parents=True)
    (folder / 'a/vis_data/scalars.json').write_text('{"G/loss": 1.0, "step": 1}\n')
    rows = [
        dict(name='silhouette', before=0.25, after=0.5, verdict='better'),
        dict(name='across cameras', before=None, after=None, verdict='not known'),
    ]
    write_json(
        folder / 'adapt.json',
        dict(measures=rows, text=['10 clusters', 'silhouette: 0.25 -> 0.5', 'worse & better']),
    )
    write_report([folder], tmp_path / 'page.html')
    text = (tmp_path / 'page.html').read_text()
    assert '<td>0.250</td><td>0.500</td><td>better</td>' in text
    assert '<td></td><td></td><td>not known</td>' in text
    assert '<p>10 clusters</p><p>worse &amp; better</p>' in text
    assert '->' not in text  # as the row says it
    assert 'Nothing was evaluated' not in text
