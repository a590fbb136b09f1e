// The flights that the benchmark works on, and the two ways to process them: a pipeline and a loop written by hand.

import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { Pipeline, tumblingWindow } from 'tidegate';
import type { ReadableSource, Sink } from 'tidegate/extend';

export interface Flight {
  readonly time: number;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

interface Delays {
  flights: number;
  late: number;
  minutes: number;
  worst: number;
}

export interface AirportDay extends Readonly<Delays> {
  readonly airport: string;
  readonly day: number;
}

const dayMs = 86_400_000;
const archivedFromMinutes = 120;

interface Row {
  readonly date: Date;
  readonly delay: bigint;
  readonly distance: bigint;
  readonly origin: string;
  readonly destination: string;
}

/** The first flights of the real data set, in date order: 230 airports, 16 000 flights a day. */
export async function readFlights(count: number): Promise<readonly Flight[]> {
  const entry = import.meta.resolve('vega-datasets');
  const path = fileURLToPath(new URL('../data/flights-3m.parquet', entry));
  const file = await asyncBufferFromFile(path);
  const range = { file, compressors, rowStart: 0, rowEnd: count };
  const rows = (await parquetReadObjects(range)) as unknown as readonly Row[];
  return rows.map(({ date, delay, distance, origin, destination }) => ({
    time: date.getTime(),
    delay: Number(delay),
    distance: Number(distance),
    origin,
    destination,
  }));
}

/** Statistics by airport and day of event time, and an archive of flights that were late. */
export function flightsPipeline(
  source: ReadableSource<Flight>,
  sinks: { readonly statistics: Sink<AirportDay>; readonly archive: Sink<Flight> },
): Pipeline {
  const pipeline = new Pipeline('flights');
  const flights = pipeline.source('flights', source, {
    eventTime: { timeOf: (flight) => flight.time },
  });
  flights
    .keyBy((flight) => flight.origin)
    .window('airport-days', tumblingWindow({ sizeMs: dayMs }), {
      initial: noDelays,
      add: addFlight,
      result: (airport, { startMs }, delays) => airportDay(airport, startMs, delays),
    })
    .to('statistics', sinks.statistics);
  flights.filter((flight) => flight.delay >= archivedFromMinutes).to('archive', sinks.archive);
  return pipeline;
}

export type Write<Rec> = (records: readonly Rec[]) => void | Promise<void>;

const batchRecords = 512;

/**
 * The same job as somebody would write it who needs nothing else: event time moves with each record;
 * a day is closed when time has come to its end, and a flight of a day that is closed is counted as
 * late; what comes out goes to the writers in batches, and a writer that is full is waited for.
 * There is no state to save and nothing to recover.
 */
export class FlightsLoop {
  readonly #statistics: Write<AirportDay>;
  readonly #archive: Write<Flight>;
  #open = new Map<string, Delays>();
  #dayStart = Number.NEGATIVE_INFINITY;
  #dayEnd = Number.NEGATIVE_INFINITY;
  #archived: Flight[] = [];
  #writing: Promise<void>[] = [];
  lateCount = 0;

  constructor(statistics: Write<AirportDay>, archive: Write<Flight>) {
    this.#statistics = statistics;
    this.#archive = archive;
  }

  async process(flights: readonly Flight[]): Promise<void> {
    let next = 0;
    while (next < flights.length) {
      next = this.#processUntilFull(flights, next);
      await this.#room();
    }
  }

  async end(): Promise<void> {
    this.#closeDay();
    this.#writeArchive();
    await this.#room();
  }

  /** Stops where a writer has no room. */
  #processUntilFull(flights: readonly Flight[], start: number): number {
    for (let index = start; index < flights.length; index++) {
      const flight = flights[index];
      if (flight === undefined) break;
      const { time, delay, origin } = flight;
      if (time >= this.#dayEnd) this.#beginDay(time);
      if (delay >= archivedFromMinutes) this.#archived.push(flight);
      if (time < this.#dayStart) this.lateCount += 1;
      else {
        const delays = this.#open.get(origin);
        if (delays === undefined) this.#open.set(origin, addFlight(noDelays(), flight));
        else addFlight(delays, flight);
      }
      if (this.#archived.length === batchRecords) this.#writeArchive();
      if (this.#writing.length > 0) return index + 1;
    }
    return flights.length;
  }

  #beginDay(time: number): void {
    this.#closeDay();
    this.#dayStart = Math.floor(time / dayMs) * dayMs;
    this.#dayEnd = this.#dayStart + dayMs;
  }

  #closeDay(): void {
    const results: AirportDay[] = [];
    for (const [airport, delays] of this.#open) {
      results.push(airportDay(airport, this.#dayStart, delays));
    }
    this.#open = new Map();
    const writing = this.#statistics(results);
    if (writing !== undefined) this.#writing.push(writing);
  }

  #writeArchive(): void {
    const writing = this.#archive(this.#archived);
    this.#archived = [];
    if (writing !== undefined) this.#writing.push(writing);
  }

  async #room(): Promise<void> {
    const writing = this.#writing;
    this.#writing = [];
    await Promise.all(writing);
  }
}

function noDelays(): Delays {
  return { flights: 0, late: 0, minutes: 0, worst: Number.MIN_SAFE_INTEGER };
}

function addFlight(delays: Delays, { delay }: Flight): Delays {
  delays.flights += 1;
  if (delay >= archivedFromMinutes) delays.late += 1;
  delays.minutes += delay;
  if (delay > delays.worst) delays.worst = delay;
  return delays;
}

function airportDay(airport: string, day: number, delays: Delays): AirportDay {
  return { airport, day, ...delays };
}
