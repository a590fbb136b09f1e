import { expect, test } from '@jest/globals';
import { MemoryCheckpointStore, Pipeline, arraySource, memorySink, tumblingWindow } from 'tidegate';

test('a timer behind a window that sets itself again does not keep the input from ending', async () => {
  const sink = memorySink<number>();
  const pipeline = new Pipeline('times');
  let fired = 0;
  pipeline
    .source('times', arraySource([10, 110, 120]), { eventTime: { timeOf: (time) => time } })
    .keyBy(() => 'all')
    .window('windows', tumblingWindow({ sizeMs: 100 }), {
      initial: 0,
      add: (count: number) => count + 1,
    })
    .keyBy(({ key }) => key)
    .process<number, number>('again', {
      initial: 0,
      onRecord: ({ window }, context) => context.setTimer(window.endMs + 50),
      onTimer: (time, context) => {
        fired += 1;
        if (fired > 1_000) throw new Error('it sets itself for ever');
        context.emit(time);
        context.setTimer(time + 50);
      },
    })
    .to('out', sink);
  await pipeline.run({ store: new MemoryCheckpointStore() });
  expect(sink.records).toEqual([150, 250]);
});
