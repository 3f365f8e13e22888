"""Random examples for a gate: the same ones in each run, and no time limit on one of them, because a busy machine stops
a process for longer than an example takes.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "gate",
    settings.get_profile("ci"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],  # examples change no fixture
)
settings.load_profile("gate")
