"""The rule of the two agents as plain functions over floats, ints, bools and named tuples of them, and nothing else.

Nothing here knows a date, a ticker, a text or a data frame, so that one and the same function decides an evening,
interpreted, and a thousand variants over decades, compiled. `policies/two_agents.py` packs what is known into `Inputs`
and says in words what came out. Every function is total: a number that is unknown is NaN, and no NaN reaches a weight.
"""
