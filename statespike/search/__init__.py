"""The search for networks and their circuits under several objectives, on one machine or many.

`space` says what may be chosen, `trial` what becomes of a choice, `objectives` what is better, `samplers`
what is tried next, `store` what is known already, `cluster` where trials run, and `explore` is the loop.
"""
