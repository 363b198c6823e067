"""What every test may use."""

import os

# Several workers share two cores: one thread each is faster than many that wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
