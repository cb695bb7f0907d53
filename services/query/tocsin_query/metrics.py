"""What the query service counts."""

from prometheus_client import Counter, Gauge, Histogram

from tocsin_runtime.metrics import Metrics


class QueryMetrics:
    """Every metric of this service. Labels hold routes, methods, statuses and partitions: never a tenant's text."""

    def __init__(self, metrics: Metrics) -> None:
        self.requests: Counter = metrics.counter(
            "tocsin_query_requests_total", "requests answered, by route, method and status", ("route", "method", "status")
        )
        self.seconds: Histogram = metrics.histogram(
            "tocsin_query_request_seconds", "time from the request's arrival to its answer, by route", ("route",)
        )
        self.age: Gauge = metrics.gauge(
            "tocsin_query_projection_age_seconds", "age of the last folded record, by partition of tocsin.log", ("partition",)
        )
        self.postgres_up: Gauge = metrics.gauge("tocsin_query_postgres_up", "1 while PostgreSQL answers the probe, else 0")
