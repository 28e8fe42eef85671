"""Settings of hypothesis: for busy machines, and with the same examples in each run.

The conftest.py of each folder that uses hypothesis imports this module. The conftest.py of all tests does not: the
import takes half a second of CPU time, in each process.
"""

from hypothesis import HealthCheck, settings

# On a busy machine, every generator is slow. The examples follow from the code of the test, so no run fails because of
# an example that no other run has.
settings.register_profile("busy", deadline=None, derandomize=True, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("busy")
