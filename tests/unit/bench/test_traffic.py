"""The fixed traffic: deliveries of 2 kB that the pipeline takes, the same in every run."""

from bench import images, sink, traffic
from tocsin.streams.registry import SOURCES
from tocsin_contracts.outcome import Outcome


def test_the_traffic_is_the_same_in_every_run_and_about_2_kb_each() -> None:
    first, second = list(traffic.stream(20)), list(traffic.stream(20))

    assert first == second
    assert all(1900 < len(body) < 2300 for body in first)


async def test_every_delivery_is_processed_with_all_its_alerts_and_ends_what_it_opened() -> None:
    """One group through its four steps: one incident, opened and resolved."""
    bodies = [traffic.body(7, step) for step in range(traffic.STEPS)]
    taking = sink.Sink()

    changes = await sink.handler(taking).handle(images.image_records(images.log_records(bodies)))

    assert [delivery.outcome for _, delivery in changes.deliveries] == [Outcome.PROCESSED] * 4
    assert len(changes.events) == 4 * traffic.ALERTS_PER_DELIVERY
    (incident,) = changes.incidents.values()
    assert incident.status.is_over
    assert taking.rows > 4


async def test_the_mixed_stream_is_of_ten_sources_and_all_of_it_is_processed_or_repeats() -> None:
    sendings = traffic.mixed(400)
    taking = sink.Sink()

    changes = await sink.handler(taking).handle(images.image_records(images.mixed_records(sendings)))

    assert {sending.sample.source for sending in sendings} == set(SOURCES)
    assert {delivery.outcome for _, delivery in changes.deliveries} == {Outcome.PROCESSED, Outcome.DUPLICATE}
    assert traffic.mixed(400) == sendings
