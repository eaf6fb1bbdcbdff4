"""Statistics of a run: means with intervals, and differences of pairs.

In: the scores table of a run (`samples.COLUMNS`). Out: frozen records. `samples` averages draws, `intervals` chooses
the formula, `summary` makes the means, `paired` the differences. statsmodels and scipy are imported when first needed.
"""
