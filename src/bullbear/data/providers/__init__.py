"""Live providers, one module each: from a provider's format to the columns of a snapshot.

A provider module requests, checks and renames; it never stores. A response in another format is refused; a doubtful row
is left to the checks that every row passes on its way into the store. Each `fetch` raises a FetchError where the
response does not come or cannot be used.
"""
