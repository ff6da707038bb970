import os

# Small networks train faster on one thread, and several test processes would compete for the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
