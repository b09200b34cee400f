"""Files of events and actions, wherever they lie: for data scientists and for jobs. Knows nothing of ours."""

from pipelines.frames import read_events
from pipelines.places import Place
from pipelines.reading import count_days

__all__ = ["Place", "count_days", "read_events"]
