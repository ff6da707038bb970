"""Where runs live: one SQLite file that holds every ask, tell and evaluation of any number of runs.

Commits are durable against anything that ends the process (`kill -9`, a crash, an out-of-memory kill): the
database runs in write-ahead mode with ``synchronous=NORMAL``. A power cut may lose the last commits, never
the file. A second run on a store that is in use is refused; readers are never blocked.
"""

from cambrian.store.database import FORMAT, connect
from cambrian.store.lock import WriterLock
from cambrian.store.log import Store
from cambrian.store.rows import Ask, Generation, RunRow, Tell, genomes_of
from cambrian.store.work import Together, Usage, add_waves, note_usage, usage, waves

__all__ = [
    "FORMAT",
    "Ask",
    "Generation",
    "RunRow",
    "Store",
    "Tell",
    "Together",
    "Usage",
    "WriterLock",
    "add_waves",
    "connect",
    "genomes_of",
    "note_usage",
    "usage",
    "waves",
]
