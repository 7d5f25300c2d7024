"""Result of an adaptation: its measures before and after, and what they say in words."""

from typing import Any, NamedTuple

from .measures import Agreement, Separation

EQUAL = 0.005  # by which two shares count as equal
NEAR_CHANCE = 0.1  # of the way from chance to always, below which something has failed
CAUTION = (
    'Nobody has labelled the target, so how often a search there is right is not known: none of '
    'these numbers is an mAP. Silhouette and outliers favour an encoder that was trained to make '
    'clusters tight, right or wrong. Look at the clusters in the report, and label some persons to '
    'be sure.'
)


UNTRAINED = (
    'The adapted encoder finds the persons of translated images hardly oftener than chance (less '
    'than a tenth of the way from chance to always): '
    'generators or encoder are not trained enough, or have failed; give their stages more '
    'iterations in a config of your own (`reidgen train`) before the measures mean something.'
)


class Encoder(NamedTuple):
    """Measures of one encoder."""

    checkpoint: str  # file name in the work dir
    separation: Separation
    agreement: Agreement
    source: dict[str, float] | None  # per cent on the source's test set; None: it has none


class Measure(NamedTuple):
    """One number before and after, with the verdict."""

    name: str
    before: float | None
    after: float | None
    verdict: str  # 'better', 'worse', 'equal', or 'not known'


def compared(before: Encoder, after: Encoder) -> list[Measure]:
    """The measures that need no labels of the target, in the order of the report."""
    first, second = before.separation, after.separation
    rows = [
        ('silhouette of the clusters', first.silhouette, second.silhouette, True),
        ('outliers, share of the images', share_of_outliers(first), share_of_outliers(second),
         False),
        ('clusters that span cameras, share', first.across_cameras, second.across_cameras, True),
        ('translated pairs: nearest is the same person', before.agreement.person,
         after.agreement.person, True),
    ]  # fmt: skip
    return [Measure(name, a, b, _verdict(a, b, higher)) for name, a, b, higher in rows]


def share_of_outliers(separation: Separation) -> float:
    """Share of the images that are in no cluster."""
    return separation.outliers / separation.images


def _verdict(before: float | None, after: float | None, higher: bool) -> str:
    if before is None or after is None:
        return 'not known'
    if abs(after - before) < EQUAL:
        return 'equal'
    return 'better' if (after > before) == higher else 'worse'


def conclusion(measures: list[Measure]) -> str:
    """Whether the adapted encoder is better by the measures, in a sentence."""
    counts = {word: [m for m in measures if m.verdict == word] for word in ('better', 'worse')}
    better, worse = len(counts['better']), len(counts['worse'])
    known = sum(m.verdict != 'not known' for m in measures)
    told = f'better in {better} and worse in {worse} of {known} measures'
    if better and not worse:
        return f'By these measures adapted is better than direct transfer: {told}.'
    if worse and not better:
        return f'By these measures adapted is worse than direct transfer: {told}. Use direct.'
    if better == worse == 0:
        return f'By these measures adapted and direct transfer are equal: {told}.'
    return f'These measures do not agree on whether adapted is better: {told}.'


def in_words(before: Encoder, after: Encoder) -> list[str]:
    """Lines of text: direct transfer and adapted, the comparison, and what is not known."""
    lines = []
    for name, encoder in (('direct transfer', before), ('adapted', after)):
        lines.append(f'{name} ({encoder.checkpoint}): {_clusters(encoder.separation)}')
    lines.append(_pairs(before.agreement, after.agreement))
    if before.source and after.source:
        lines.append(
            f"on the source's own test set, not the target: mAP {before.source['mAP']:.1f} before, "
            f'{after.source["mAP"]:.1f} after'
        )
    measures = compared(before, after)
    for each in measures:
        lines.append(
            f'{each.name}: {_number(each.before)} -> {_number(each.after)}, {each.verdict}'
        )
    person, chance = after.agreement.person, after.agreement.chance_person
    near = person - chance < NEAR_CHANCE * (1 - chance)
    return [*lines, *([UNTRAINED] if near else []), conclusion(measures), CAUTION]


def _clusters(found: Separation) -> str:
    told = f'{found.clusters} clusters of {found.images} images'
    if found.sizes:
        told += f' (largest {found.sizes[0]}, smallest {found.sizes[-1]})'
    return f'{told}, {found.outliers} outliers'


def _pairs(before: Agreement, after: Agreement) -> str:
    return (
        f'{after.images} sampled source images in target style: the nearest of these '
        f'{after.images} source images is the original for {before.original:.1%} before and '
        f'{after.original:.1%} after (chance {after.chance_original:.1%}), the same person for '
        f'{before.person:.1%} and {after.person:.1%} (chance {after.chance_person:.1%})'
    )


def _number(value: float | None) -> str:
    return 'not known' if value is None else f'{value:.3f}'


def as_json(before: Encoder, after: Encoder) -> dict[str, Any]:
    """The measures as plain data."""
    measures = compared(before, after)
    return dict(
        direct=_plain(before),
        adapted=_plain(after),
        measures=[each._asdict() for each in measures],
        conclusion=conclusion(measures),
        caution=CAUTION,
        text=in_words(before, after),
    )


def _plain(encoder: Encoder) -> dict[str, Any]:
    return dict(
        checkpoint=encoder.checkpoint,
        separation=encoder.separation._asdict(),
        agreement=encoder.agreement._asdict(),
        source=encoder.source,
    )
