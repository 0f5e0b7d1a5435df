#!/usr/bin/env python3
"""Stratified random split of digits.csv.gz: python3 make_split.py 1 450 > digits_split.csv

Arguments: seed and number of test samples. Samples are ordered within their class by SHA-256 of "seed:line"
(line counts from 0), so any machine and any version of Python gives the same split.
"""
import gzip
import hashlib
import sys
from pathlib import Path


def main() -> None:
    seed, wanted = int(sys.argv[1]), int(sys.argv[2])
    with gzip.open(Path(__file__).parent / "digits.csv.gz", "rt") as table:
        labels = [int(line.rsplit(",", 1)[1]) for line in table]
    by_class = {c: [i for i, label in enumerate(labels) if label == c] for c in sorted(set(labels))}

    # each class gives its share, rounded down; the largest remainders get the samples still missing
    share = {c: len(ids) * wanted // len(labels) for c, ids in by_class.items()}
    by_remainder = sorted(by_class, key=lambda c: (-(len(by_class[c]) * wanted % len(labels)), c))
    for c in by_remainder[: wanted - sum(share.values())]:
        share[c] += 1

    test = []
    for c, ids in by_class.items():
        test += sorted(ids, key=lambda i: hashlib.sha256(f"{seed}:{i}".encode()).digest())[: share[c]]
    print("# lines of digits.csv.gz (counted from 0) that form the test set; all others are for training")
    print(f"# made by: python3 make_split.py {seed} {wanted}")
    print("test")
    print("\n".join(str(i) for i in sorted(test)))


main()
