import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import { MemoryCheckpointStore, memorySink } from 'tidegate';
import { StreamPipeline, sourceOfReadable } from 'tidegate/streams';
import { runStreams } from './support.js';

interface Message {
  readonly sequence: number;
}

const opened: Readable[] = [];

/** A log of messages that can be read from any of them on, as a change stream or a topic can. */
function messages(end: number) {
  return sourceOfReadable<Message>({
    start: { after: '0' },
    offsetsAfter: ({ sequence }) => ({ after: String(sequence) }),
    open: ({ after }) => {
      let last = Number(after);
      const stream = new Readable({
        objectMode: true,
        read() {
          last += 1;
          this.push(last > end ? null : { sequence: last });
        },
      });
      opened.push(stream);
      return stream;
    },
  });
}

function upTo(end: number): readonly Message[] {
  return Array.from({ length: end }, (_, index) => ({ sequence: index + 1 }));
}

test('a Readable whose records tell where they are is read again behind the last checkpoint', async () => {
  const sink = memorySink<Message>();
  const store = new MemoryCheckpointStore();
  let failures = 0;
  const streams = new StreamPipeline('messages', {
    sources: { messages: messages(300) },
    sinks: { out: sink },
    build: ({ source, map, sink }) =>
      pipeline(
        source('messages'),
        map((message: Message) => {
          if (message.sequence === 200 && failures++ === 0) throw new Error('once');
          return message;
        }),
        sink('out'),
      ),
  });
  const report = await runStreams(streams, { store, checkpoint: { intervalMs: 1 } });
  expect(report.outcome).toBe('finished');
  expect(sink.records).toEqual(upTo(300));
  // The stream of the generation before does not stay open.
  expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  const [newest] = await (await store.openReadOnly()).list();
  expect(newest?.manifest?.sourceOffsets.get('messages')?.offsets.get('after')).toBe('300');
});

test('an aborted reading ends, and destroys the stream', async () => {
  const abort = new AbortController();
  const iterator = messages(1_000_000).read({ signal: abort.signal })[Symbol.asyncIterator]();
  await iterator.next();
  abort.abort();
  await expect(iterator.next()).rejects.toThrow(/abort/);
  expect(opened.at(-1)?.destroyed).toBe(true);
});
