"""Detectors: which rows are unlike the reference, and whether the rows of late are."""
