import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/pipeline/flow/elements.js';
import { Watermarks } from '../../src/pipeline/flow/watermarks.js';

function batchTo(time: number): Batch {
  const eventTimes = { times: [time], watermarks: [Number.NEGATIVE_INFINITY], watermark: time };
  return { records: ['record'], eventTimes };
}

describe('the watermark of several inputs', () => {
  test('is that of the slowest input that is not idle, and never goes back', () => {
    const watermarks = new Watermarks(2);
    watermarks.combineBatch(batchTo(10), 0);
    expect(watermarks.combined).toBe(-Infinity);
    watermarks.combineBatch(batchTo(5), 1);
    expect(watermarks.combined).toBe(5);
    watermarks.setIdle(1);
    expect(watermarks.combined).toBe(10);
    watermarks.combineBatch(batchTo(7), 1);
    expect(watermarks.combined).toBe(10);
  });

  test.each([
    ['ends while the other is idle', ['idle 1', 'end 0']],
    ['has ended when the other becomes idle', ['end 0', 'idle 1']],
  ])('is not the end of time when one input %s', (_when, steps) => {
    const watermarks = new Watermarks(2);
    watermarks.combineBatch(batchTo(10), 0);
    watermarks.combineBatch(batchTo(20), 1);
    for (const step of steps) take(watermarks, step);
    expect(watermarks.combined).toBeLessThanOrEqual(20);
    expect(watermarks.areAllIdle).toBe(true);
    const late = watermarks.combineBatch(batchTo(30), 1);
    expect(late.eventTimes).toMatchObject({ watermark: 30 });
    expect(late.eventTimes?.watermarks[0]).toBeLessThanOrEqual(20);
    take(watermarks, 'idle 1');
    take(watermarks, 'end 1');
    expect(watermarks.combined).toBe(Infinity);
  });

  test('is not the end of time for a batch that runs ahead of the end of its input', () => {
    const watermarks = new Watermarks(2);
    watermarks.combineBatch(batchTo(10), 0);
    watermarks.combineBatch(batchTo(20), 1);
    watermarks.setIdle(1);
    const last = { times: [15], watermarks: [Infinity], watermark: Infinity };
    watermarks.combineBatch({ records: ['last'], eventTimes: last }, 0);
    expect(watermarks.combined).toBe(10);
  });

  test('stays where it is when every input is idle, also behind a restored position', () => {
    const watermarks = new Watermarks(3);
    for (const [input, time] of [40, 20, 30].entries()) watermarks.advance(input, time);
    expect(watermarks.combined).toBe(20);
    for (const step of ['end 1', 'idle 0', 'idle 2']) take(watermarks, step);
    expect(watermarks.combined).toBe(30);
    take(watermarks, 'end 0');
    expect(watermarks.combined).toBe(30);
    take(watermarks, 'end 2');
    expect(watermarks.combined).toBe(Infinity);
  });
});

function take(watermarks: Watermarks, step: string): void {
  const [kind, input] = step.split(' ');
  if (kind === 'idle') watermarks.setIdle(Number(input));
  else watermarks.end(Number(input));
}
