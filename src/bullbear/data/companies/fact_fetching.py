"""Figures of filings: what is due is asked for by number, and stored for every class of shares of a company."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from bullbear.data.companies.asking import Fetch, Progress, Provider
from bullbear.data.companies.filed_facts import AskedFile, new_facts
from bullbear.data.providers import edgar
from bullbear.data.providers.delivery import Delivery
from bullbear.data.providers.http import Client
from bullbear.errors import FetchError


def fetch_facts(
    fetch: Fetch, provider: Provider, asked: AskedFile, agent: str, companies: Mapping[str, list[str]]
) -> None:
    """Ask for what was filed since the last time.

    Parameters
    ----------
    agent
        The name by which we ask the SEC.
    companies
        Those of each CIK.
    """
    size = fetch.settings.fetch.company_batch
    due = [cik for cik in companies if asked.is_due(cik, fetch.now, fetch.settings.fetch.facts_days)]
    progress, stored = Progress("filings", len(due), fetch.say), fetch.store.as_of().companies
    for place in range(0, len(due), size):
        some = due[place : place + size]
        held = stored.facts(companies=[each for cik in some for each in companies[cik]])
        parts = [part for cik in some for part in _new(fetch, provider, asked, agent, cik, companies[cik], held)]
        if parts:
            fetch.append({"facts": pd.concat(parts, ignore_index=True)})
        asked.write()  # after its figures, so that a kill in between only asks again
        progress.report(place + len(some))
        if provider.left_alone:
            provider.leave(_named(companies[cik]) for cik in due[place + len(some) :])
            return


def _new(
    fetch: Fetch, provider: Provider, asked: AskedFile, agent: str, cik: str, companies: list[str], held: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """The new figures of the companies of one number."""
    series, url = _named(companies), fetch.settings.urls.edgar
    profile = provider.ask(series, partial(edgar.fetch_profile, fetch.client, url, agent, cik))
    if profile is None or not asked.note(profile, fetch.now).is_behind:
        return
    delivery = provider.ask(series, partial(_facts_or_none, fetch.client, url, agent, cik))
    if delivery is None:
        return
    fetch.remarks += delivery.notes
    for company in companies:
        rows, contradicting = new_facts(held[held["company"] == company], delivery.frames["facts", cik], fetch.now)
        fetch.report.revised += contradicting
        fetch.report.arrived.append(f"facts of {company}")
        if len(rows):
            yield rows.assign(series=company)
    asked.stored(cik)


def _named(companies: list[str]) -> str:
    return f"facts of {'/'.join(companies)}"


def _facts_or_none(client: Client, url: str, agent: str, cik: str) -> Delivery:
    """The figures of a company; none where it has filed none that a program can read."""
    try:
        return edgar.fetch_facts(client, url, agent, cik)
    except FetchError as bad:
        if bad.status != 404:
            raise
        return Delivery({("facts", cik): edgar.no_facts()}, None)
