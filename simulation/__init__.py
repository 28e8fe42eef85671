"""A discrete-event model of Safelight on AWS: what binds first, how long it takes and what it costs.

It calls nothing and needs no account.
"""
