"""Says how cameras and scoring are, as Prometheus reads it; on loopback alone."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aislewatch.errors import PipelineError
from aislewatch.watch.follower import Follower

HOST = "127.0.0.1"
STATES = ("connecting", "running", "waiting", "ended", "stopped")

# Seconds, from capture to score: from what a local camera has to what nobody can act on.
LATENESS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass
class CameraFacts:
    """What is told of one camera.

    Args:
        follower: who follows it.
        late_s: seconds from capture to score of its last clip.
        is_late: whether that is above what is allowed.
        scored: clips scored.
        alerts: raised.
        troubles: that it has now, by kind.
    """

    follower: Follower
    late_s: float = 0.0
    is_late: bool = False
    scored: int = 0
    alerts: int = 0
    troubles: set[str] = field(default_factory=set)


class LiveMetrics(Collector):
    """Answers Prometheus from what is true at that moment.

    Args:
        facts: returns the cameras now, by name.
    """

    def __init__(self, facts: Callable[[], Mapping[str, CameraFacts]]) -> None:
        self._facts = facts
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.lateness = Histogram(
            "aislewatch_lateness_seconds",
            "From capture to score of a clip.",
            buckets=LATENESS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "aislewatch_batch_clips",
            "Clips of all cameras in one call of the network.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self.scoring = Counter(
            "aislewatch_scoring_seconds", "Spent in calls of the network.", registry=self.registry
        )
        self._server: tuple[WSGIServer, Thread] | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of each camera."""
        facts = dict(self._facts())
        state = GaugeMetricFamily(
            "aislewatch_camera_state", "1 for the state it is in.", labels=("camera", "state")
        )
        for name, one in facts.items():
            for known in STATES:
                state.add_metric((name, known), float(one.follower.state == known))
        yield state
        for key, words, read in _COUNTERS:
            counter = CounterMetricFamily(f"aislewatch_camera_{key}", words, labels=("camera",))
            for name, one in facts.items():
                counter.add_metric((name,), read(one))
            yield counter
        for key, words, read in _GAUGES:
            gauge = GaugeMetricFamily(f"aislewatch_camera_{key}", words, labels=("camera",))
            for name, one in facts.items():
                gauge.add_metric((name,), read(one))
            yield gauge
        decoder = GaugeMetricFamily(
            "aislewatch_camera_decoder", "1 for what decodes it.", labels=("camera", "kind")
        )
        for name, one in facts.items():
            decoder.add_metric((name, one.follower.decoder.kind), 1.0)
        yield decoder
        trouble = GaugeMetricFamily(
            "aislewatch_camera_trouble", "1 for each trouble it has.", labels=("camera", "kind")
        )
        for name, one in facts.items():
            for kind in sorted(one.troubles):
                trouble.add_metric((name, kind), 1.0)
        yield trouble

    def serve(self, port: int) -> int:
        """Answer on loopback; return the port.

        Raises:
            PipelineError: the port is taken.
        """
        try:
            self._server = start_http_server(port, addr=HOST, registry=self.registry)
        except OSError as error:
            raise PipelineError(
                f"metrics cannot be served on {HOST}:{port} ({error.strerror}); name another port "
                "as watching.metrics_port in cameras.yaml, or 0 for none"
            ) from None
        return int(self._server[0].server_port)

    def close(self) -> None:
        """Stop to answer."""
        if self._server is not None:
            self._server[0].shutdown()
            self._server[0].server_close()
            self._server[1].join()


Read = Callable[[CameraFacts], float]

_COUNTERS: tuple[tuple[str, str, Read], ...] = (
    ("frames", "Frames of the store that came.", lambda one: one.follower.counts.frames),
    ("connections", "Connections tried.", lambda one: one.follower.counts.connections),
    ("stalls", "Times that it was silent for too long.", lambda one: one.follower.counts.stalls),
    ("failures", "Times that its stream failed.", lambda one: one.follower.counts.failures),
    (
        "dropped_clips",
        "Clips left out: scoring is too slow.",
        lambda one: one.follower.clips.dropped,
    ),
    ("scored_clips", "Clips scored.", lambda one: one.scored),
    ("alerts", "Alerts raised.", lambda one: one.alerts),
)
_GAUGES: tuple[tuple[str, str, Read], ...] = (
    ("late_seconds", "From capture to score of its last clip.", lambda one: one.late_s),
    ("late", "1 while that is above watching.late_s.", lambda one: one.is_late),
)
