"""Counts of shares: what is accepted without a look at each is what would be accepted after it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.group.reported_periods import Cells
from bullbear.group.shares import _accepted, _plain

versions = st.tuples(
    st.integers(0, 4),
    st.integers(-20, 30),
    st.sampled_from([1e6, 1.1e6, 1.9e7, 2.1e7, 1e9, 1.1e3, 5e7]),
    st.sampled_from([1.0, 1.0, 1.0, 2.0]),
)


@given(st.lists(versions, min_size=0, max_size=40))
@settings(max_examples=200, deadline=None)
def test_plain_counts_are_accepted_as_filed(drawn):
    company, end, value, split = (np.array(each) for each in zip(*drawn, strict=True)) if drawn else [np.empty(0)] * 4
    order = np.argsort(company, kind="stable")
    company, end = company[order].astype(np.int64), end[order].astype(np.int64)
    value, split = value[order].astype(float), split[order].astype(float)
    zeros, known = np.zeros(len(order), dtype=np.int64), np.arange(len(order), dtype=np.int64)
    found = Cells(company, zeros, zeros, end, known, value)
    news, plain = _plain(found, value / split, value)
    for each in np.unique(company):
        own = np.flatnonzero(company == each)
        if plain[own].all():
            accepted = _accepted(found.take(own), (value / split)[own], value[own])
            kept = own[news[own]]
            for one, other in zip(accepted, (known[kept], end[kept], value[kept]), strict=True):
                np.testing.assert_array_equal(one, other)
