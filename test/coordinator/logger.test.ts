// The logger of a user: an instance of pino, given as it is.

import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Harness } from './support/harness.js';
import { fails } from './support/scripted-sink.js';

interface Line {
  readonly msg: string;
  readonly err?: { readonly type: string; readonly message: string };
  readonly [field: string]: unknown;
}

test('an instance of pino is a logger, and has the message and the error of each line', async () => {
  const lines: Line[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line);
  const harness = new Harness({ more: { logger: pino({ level: 'debug' }, { write }) } });
  harness.coordinator.events.on('checkpoint-completed', () => {
    throw new RangeError('the dashboard is away');
  });
  await harness.start();
  await harness.turn();
  harness.sink('left').next('commit', fails('the table is locked'));

  expect((await harness.checkpoint()).kind).toBe('completed');

  expect(lines).toMatchObject([
    {
      level: pino.levels.values.warn,
      msg: 'a sink could not commit',
      sink: 'left',
      tries: 1,
      err: { type: 'Error', message: 'the table is locked' },
    },
    {
      level: pino.levels.values.error,
      msg: 'a listener failed',
      event: 'checkpoint-completed',
      err: { type: 'RangeError', message: 'the dashboard is away' },
    },
  ]);
});

test('how a checkpoint ended early is logged with its step and the error of its cause', async () => {
  const lines: Line[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line);
  const harness = new Harness({ more: { logger: pino({ level: 'debug' }, { write }) } });
  await harness.start();
  await harness.turn();
  harness.source.position = () => Promise.reject(new Error('no connection'));

  expect((await harness.checkpoint()).kind).toBe('abandoned');

  expect(lines).toMatchObject([
    {
      level: pino.levels.values.info,
      msg: 'a checkpoint was abandoned',
      step: 'barrier',
      err: {
        type: 'TidegateError',
        message: expect.stringContaining('could not take the barrier'),
      },
    },
  ]);
});
