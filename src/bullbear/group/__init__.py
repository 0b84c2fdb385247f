"""What a fund holds: its members as they were known on a day, and figures about them.

Everything here reads a `data.companies` panel and the members known at each session's close. A row never depends on a
later one, and never on a later list of members.
"""
