"""Settings of hypothesis for busy machines. The conftest.py of each folder that uses hypothesis imports this module.

The conftest.py of all tests does not: the import takes half a second of CPU time, in each process.
"""

from hypothesis import HealthCheck, settings

# On a busy machine, every generator is slow.
settings.register_profile("busy", deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("busy")
