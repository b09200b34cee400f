"""Splitting the hourly files per client and day: one pure function per source file, for every engine."""
