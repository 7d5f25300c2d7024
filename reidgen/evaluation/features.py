"""Query and gallery features as matrices of one space."""

from torch import Tensor

from reidgen.evaluation.labels import Array, as_matrix


def same_space(query_features: Array, gallery_features: Array) -> tuple[Tensor, Tensor]:
    """Features (Q, D) and (G, D), checked for equal D and dtype.

    Raises:
        ValueError: D or dtype differ; names both and the fix.
    """
    query, gallery = as_matrix(query_features, 'query'), as_matrix(gallery_features, 'gallery')
    if query.shape[1] != gallery.shape[1] or query.dtype != gallery.dtype:
        fix = 'embed both with the same encoder'
        if query.shape[1] == gallery.shape[1]:
            fix = 'give both in one precision, such as by .float()'
        raise ValueError(
            f'query features are {tuple(query.shape)} {query.dtype} and gallery features '
            f'{tuple(gallery.shape)} {gallery.dtype}: {fix}'
        )
    return query, gallery
