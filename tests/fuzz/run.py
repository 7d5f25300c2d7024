"""Reading of damaged inputs: how many are told by name, and which are not.

    python tests/fuzz/run.py --seed 0 --count 1000
    python tests/fuzz/run.py --kind configs --seed 0 --number 17      (that one, with its text)

An input is good if its damage does nothing (the result is that of the undamaged one), if the log
tells what differs, or if one error names the file, key or option. It fails with an error that names
nothing, with another result in silence, or by hanging. Exits with 1 where one fails.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from fuzzing.judge import FAILED, GOOD
from fuzzing.kinds import KINDS, cases
from fuzzing.pool import LIMIT_S, outcomes

WIDTH = max(map(len, KINDS))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--count', type=int, default=1000, help='inputs, of all kinds in turn')
    parser.add_argument('--kind', choices=list(KINDS), help='default: all')
    parser.add_argument('--number', type=int, help='of one input of the kind')
    parser.add_argument('--limit', type=float, default=LIMIT_S, help='seconds that are no hang')
    parser.add_argument('--out', type=Path, metavar='FILE', help='for counts and failures as JSON')
    parser.add_argument('--show', action='store_true', help='print every input with its outcome')
    args = parser.parse_args()
    if args.number is not None and args.kind is None:
        parser.error('--number needs --kind')
    count = args.count if args.number is None else args.number + 1
    chosen = list(cases(args.seed, count, args.kind))[args.number or 0 :]
    counts, failures = {kind: Counter() for kind, _, _ in chosen}, []
    with tempfile.TemporaryDirectory(prefix='reidgen_fuzz_') as folder:
        judged = outcomes([case for _, _, case in chosen], Path(folder), args.limit)
        for (kind, number, case), (outcome, text) in zip(chosen, judged):
            counts[kind][outcome] += 1
            if args.show or args.number is not None or outcome in FAILED:
                print(f'{kind} {number}: {outcome}: {case.name}\n    {text}', flush=True)
            if outcome in FAILED:
                failures.append(
                    dict(kind=kind, number=number, name=case.name, outcome=outcome, text=text)
                )
    print_table(counts)
    if args.out:
        told = {kind: {name: counts[kind][name] for name in GOOD + FAILED} for kind in counts}
        content = dict(seed=args.seed, count=len(chosen), kinds=told, failures=failures)
        args.out.write_text(json.dumps(content, indent=1) + '\n')
    sys.exit(1 if failures else 0)


def print_table(counts: dict[str, Counter]) -> None:
    """Prints a line for each kind and their sum."""
    total = sum(counts.values(), Counter())
    print(f'\n{"":{WIDTH}}  ' + '  '.join(GOOD + FAILED))
    for kind, found in [*counts.items(), ('all', total)]:
        cells = '  '.join(f'{found[name]:{len(name)}d}' for name in GOOD + FAILED)
        print(f'{kind:{WIDTH}}  {cells}')


if __name__ == '__main__':
    main()
