// The job itself: delay statistics per airport and day, and an archive of late flights.

import { join } from 'node:path';
import { FileSystemCheckpointStore, Pipeline, tumblingWindow } from 'tidegate';
import type { CheckpointStore, ReadableSource, Sink, TwoPhaseSink } from 'tidegate/extend';
import { fileSink, jsonLinesSource, type FileSystem } from 'tidegate/files';
import { lateFromMinutes, type AirportDay, type Flight } from './flight.js';

export interface JobParts {
  /** What sinks know the job by. */
  readonly name: string;
  /** The file of flights. */
  readonly input: string;
  /** Directory of the checkpoints and of the archive. */
  readonly work: string;
  readonly statistics: TwoPhaseSink<AirportDay>;
  /** Default: the machine's. The demonstration stops a process inside it. */
  readonly storeFiles?: FileSystem;
  readonly sinkFiles?: FileSystem;
  /** Waited for before each batch: the demonstration has more kills than flights otherwise. */
  readonly pace?: () => Promise<void>;
}

export interface Job {
  readonly pipeline: Pipeline;
  readonly store: CheckpointStore;
  /** How far into the input the source is, in bytes. */
  readonly byteOffset: () => number;
}

interface Delays {
  flights: number;
  late: number;
  minutes: number;
  worst: number;
}

const dayMs = 86_400_000;

/** From flights to two outputs, whatever they are kept in. */
export function flightsPipeline(
  name: string,
  source: ReadableSource<Flight>,
  { statistics, archive }: { statistics: Sink<AirportDay>; archive: Sink<Flight> },
): Pipeline {
  const pipeline = new Pipeline(name);
  const flights = pipeline.source('flights', source, {
    eventTime: { timeOf: (flight) => flight.time },
  });
  flights
    .keyBy((flight) => flight.origin)
    .window('airport-days', tumblingWindow({ sizeMs: dayMs }), {
      initial: (): Delays => ({
        flights: 0,
        late: 0,
        minutes: 0,
        worst: Number.MIN_SAFE_INTEGER,
      }),
      add: addDelay,
      result: (airport, { startMs }, delays) => rowOf(airport, startMs, delays),
    })
    .to('statistics', statistics);
  flights.filter((flight) => flight.delay >= lateFromMinutes).to('archive', archive);
  return pipeline;
}

export function flightsJob(parts: JobParts): Job {
  const { name, input, work, statistics, storeFiles, sinkFiles, pace } = parts;
  const file = jsonLinesSource<Flight>(input);
  const source = pace === undefined ? file : paced(file, pace);
  const sinkOptions = sinkFiles === undefined ? {} : { fileSystem: sinkFiles };
  const storeOptions = storeFiles === undefined ? {} : { fileSystem: storeFiles };

  const archive = fileSink<Flight>({ directory: join(work, 'archive'), ...sinkOptions });
  const pipeline = flightsPipeline(name, source, { statistics, archive });
  const store = new FileSystemCheckpointStore(join(work, 'checkpoints'), storeOptions);
  const byteOffset = (): number => {
    const { offsets } = source.position() as { offsets: Readonly<Record<string, string>> };
    return Number(offsets.byteOffset);
  };
  return { pipeline, store, byteOffset };
}

function paced<Rec>(source: ReadableSource<Rec>, pace: () => Promise<void>): ReadableSource<Rec> {
  return {
    position: () => source.position(),
    restore: (offsets, options) => source.restore(offsets, options),
    async *read(options) {
      for await (const batch of source.read(options)) {
        await pace();
        yield batch;
      }
    },
  };
}

function addDelay(delays: Delays, { delay }: Flight): Delays {
  delays.flights += 1;
  if (delay >= lateFromMinutes) delays.late += 1;
  delays.minutes += delay;
  delays.worst = Math.max(delays.worst, delay);
  return delays;
}

function rowOf(airport: string, startMs: number, delays: Delays): AirportDay {
  return { day: new Date(startMs).toISOString().slice(0, 10), airport, ...delays };
}
