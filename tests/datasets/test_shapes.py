import pytest
import torch

from reidgen.datasets import Market1501, ShapesReID


def test_pictures_are_a_function_of_the_seed():
    first, again = ShapesReID('a'), ShapesReID('a')
    assert torch.equal(first[3].img, again[3].img)
    assert not torch.equal(first[3].img, ShapesReID('a', seed=1)[3].img)
    assert not torch.equal(first[3].img, ShapesReID('b')[3].img)


def test_counts_are_as_asked_and_paths_look_like_file_names():
    data = ShapesReID('b', num_identities=3, images_per_identity=5, num_cameras=2, size=(32, 16))
    assert len(data) == 15
    assert data.num_identities == 3
    assert data.records[0].path == 'shapes_b/0001_c1_000.png'
    assert [record.camid for record in data.records if record.pid == 2] == [0, 0, 0, 1, 1]
    assert data[0].img.shape == (3, 32, 16)
    assert data.name == data.metainfo['name'] == 'shapes_b'


@pytest.mark.parametrize('images, cameras', [(2, 2), (3, 2), (4, 2), (5, 4), (6, 3)])
def test_every_query_has_its_person_in_the_gallery_from_another_camera(images, cameras):
    data = ShapesReID('a', 'query+gallery', images_per_identity=images, num_cameras=cameras)
    num_query = data.metainfo['num_query']
    queries, gallery = data.records[:num_query], data.records[num_query:]
    assert queries
    assert not set(queries) & set(gallery)
    for query in queries:
        assert any(g.pid == query.pid and g.camid != query.camid for g in gallery)
    assert not {r.pid for r in data.records} & {r.pid for r in ShapesReID('a').records}


def test_colour_tells_the_test_persons_apart():
    # the gallery image nearest in mean colour of chest and thighs: far better than chance, 1/8
    data = ShapesReID('b', 'query+gallery')
    images = torch.stack([data[i].img for i in range(len(data))]).float()
    chest, thighs = images[:, :, 20:30, 13:19].mean((2, 3)), images[:, :, 38:46, 12:20].mean((2, 3))
    features = torch.cat([chest, thighs], dim=1)
    num_query = data.metainfo['num_query']
    nearest = torch.cdist(features[:num_query], features[num_query:]).argmin(1)
    hits = data.pids[num_query:][nearest] == data.pids[:num_query]
    assert hits.float().mean() > 0.7


def test_the_map_covers_the_figure_and_turns_with_it():
    data = ShapesReID('a', pose_map={'type': 'ShapesMap', 'views': (90, 180)}, num_cameras=1)
    item = data[0]
    assert item.pose_map.shape == item.novel_map.shape == (1, 64, 32)
    body = item.pose_map[0] > 0
    assert 0.1 < body.float().mean() < 0.6
    maps = [data.read_map(data.records[0], view) for view in (0, 90, 180)]
    assert torch.equal(maps[0], item.pose_map)
    # from behind the outline is the mirror image about the body's axis: as many pixels, other greys
    assert abs((maps[0] > 0).sum() - (maps[2] > 0).sum()) < 0.1 * body.sum()
    assert not torch.equal(maps[0], maps[2])
    # shirt and trousers are where the map says: inside is more colourful than the background
    colourful = (item.img.amax(0).int() - item.img.amin(0).int()).float()
    assert colourful[body].mean() > 2 * colourful[~body].mean()


def test_what_cannot_be_drawn_is_refused(market_root):
    with pytest.raises(ValueError, match="domain is 'c'; it must be one of a, b"):
        ShapesReID('c')
    with pytest.raises(ValueError, match='a query has nothing to find'):
        ShapesReID('a', 'query', num_cameras=1)
    with pytest.raises(ValueError, match=r'num_cameras=0 must be 1 or more$'):
        ShapesReID('a', num_cameras=0)
    with pytest.raises(ValueError, match=r'size is \(0, 32\); it must be \(height, width\)'):
        ShapesReID('a', size=(0, 32))
    with pytest.raises(ValueError, match=r'num_identities is 97; it must be in 1\.\.96'):
        ShapesReID('a', num_identities=97)
    with pytest.raises(TypeError, match='not those of Market1501'):
        Market1501(str(market_root), pose_map={'type': 'ShapesMap'})


def test_no_two_persons_of_a_domain_wear_the_same():
    data = ShapesReID('a', num_identities=96)
    worn = [data._clothes(pid)[:3] for pid in range(1, 193)]
    assert len(set(worn)) == 192


def test_the_mask_is_where_the_figure_is():
    data = ShapesReID(num_identities=1)
    record = data.records[0]
    mask = data.read_mask(record)
    assert mask.shape == (1, 64, 32)
    assert set(mask.unique().tolist()) == {0, 255}
    assert torch.equal(mask > 0, data.read_map(record, 0) > 0)


@pytest.mark.parametrize('turn', [45, 180, 270])
def test_a_turned_picture_changes_where_either_body_stands_alone(turn):
    data = ShapesReID('b')
    for record in data.records[:4]:
        picture, turned = data.read_image(record), data.read_turned(record, turn)
        # maps are averaged down from twice the size, as pictures are: edges are above 0
        bodies = (data.read_map(record, 0) > 0) | (data.read_map(record, turn) > 0)
        changed = (picture != turned).any(0, keepdim=True)
        assert changed.any()
        assert not (changed & ~bodies).any()
        assert torch.equal(data.read_turned(record, 0), picture)
