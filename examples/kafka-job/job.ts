// Flights from a topic: statistics per airport and day into PostgreSQL, late flights into another topic.

import { Pipeline, tumblingWindow } from 'tidegate';
import type { ReadableSource, Sink } from 'tidegate/extend';
import type { KafkaRecord } from 'tidegate/kafka';
import { lateFromMinutes, type AirportDay, type Flight } from '../main-job/flight.js';

const dayMs = 86_400_000;

/** The partitions are read side by side: the one that is behind holds event time back, so none is late. */
export function flightsPipeline(
  source: ReadableSource<KafkaRecord<Flight>>,
  { statistics, late }: { statistics: Sink<AirportDay>; late: Sink<Flight> },
): Pipeline {
  const pipeline = new Pipeline('kafka-flights');
  const flights = pipeline
    .source('flights', source, { eventTime: { timeOf: ({ value }) => value?.time ?? 0 } })
    .flatMap(({ value }) => (value === null ? [] : [value]));
  flights
    .keyBy((flight) => flight.origin)
    .window('airport-days', tumblingWindow({ sizeMs: dayMs }), {
      initial: () => ({ flights: 0, late: 0, minutes: 0, worst: Number.MIN_SAFE_INTEGER }),
      add: (sums, { delay }) => ({
        flights: sums.flights + 1,
        late: sums.late + Number(delay >= lateFromMinutes),
        minutes: sums.minutes + delay,
        worst: Math.max(sums.worst, delay),
      }),
      result: (airport, { startMs }, sums): AirportDay => {
        return { day: new Date(startMs).toISOString().slice(0, 10), airport, ...sums };
      },
    })
    .to('statistics', statistics);
  flights.filter(({ delay }) => delay >= lateFromMinutes).to('late', late);
  return pipeline;
}
