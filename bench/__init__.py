"""Measurements: what Tocsin costs, each beside a floor taken in the same run.

`python -m bench [--only NAME]` prints a table and writes `bench-results.json`. The floors live here and do not change with the
code: a bare aiohttp handler, COPY of fixed rows, `orjson.loads` of the same bodies, `select 1`. Absolute numbers belong to the
machine and to what else it does; ratios of one run are what to compare.
"""
