"""Live providers, one module each: from the wire format of the provider to the columns of a snapshot.

A provider asks, checks and renames; it never stores. What cannot be trusted as a whole (another header, a number that
cannot be read, one day listed twice with different values) is refused by name, and what is merely doubtful is left to
the checks that every row passes on its way into the store.
"""
