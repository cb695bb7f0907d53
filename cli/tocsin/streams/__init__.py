"""Realistic streams of deliveries, the same for the same seed: what goes wrong where, told in each source's own format.

A *trouble* comes and goes; a *voice* writes what its source would send then, from a recorded sample; the *stream* decides who
speaks when, and disturbs the order as networks and retries do. Nothing here reads a clock: times are given.
"""
