import pytest
import torch

from reidgen.evaluation.multi_query import multi_query


def test_feature_is_the_normalised_mean_of_the_persons_images_by_the_camera():
    features = torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8], [-1, 0], [0, -1]])
    pids, camids = [1, 1, 1, 2, 1], [0, 0, 1, 0, 1]
    pooled = multi_query([1, 2, 1, 1], [0, 0, 1, 0], features, pids, camids)
    half = 0.5**0.5
    # (0.6, 0.8) + (0, -1) = (0.6, -0.2), of length sqrt(0.4)
    expected = [[half, half], [-1, 0], [0.6 / 0.4**0.5, -0.2 / 0.4**0.5], [half, half]]
    assert torch.allclose(pooled, torch.tensor(expected))
    assert pooled.dtype == torch.float32


def test_queries_of_one_image_stay_as_they_are():
    x = torch.nn.functional.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(multi_query(range(6), [0] * 6, x, range(6), [0] * 6), x)


def test_query_without_an_image_is_named():
    x = torch.eye(2)
    with pytest.raises(ValueError, match=r'2 of 3 queries .* first row 1 \(pid 1, camid 5\)'):
        multi_query([1, 1, 3], [0, 5, 0], x, [1, 2], [0, 0])
    with pytest.raises(ValueError, match='3 labels for 2 features'):
        multi_query([1], [0], x, [1, 2, 3], [0, 0, 0])
    with pytest.raises(ValueError, match='NaN or Inf in 1 of 2 multi-query rows: 0;'):
        multi_query([1], [0], torch.tensor([[torch.nan], [1.0]]), [1, 2], [0, 0])
