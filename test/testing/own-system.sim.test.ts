// A system of the user's own in the simulation: its calls are points, and the sink in front of it has none.

import { expect, test } from '@jest/globals';
import { replaySchedule } from 'tidegate/testing';
import { builds, input } from '../connectors/kafka/crash-kafka.js';

test('calls through a port and to the disk are points, those of the sink itself are not', async () => {
  const { points, visible } = await replaySchedule(builds['kafka-staged'], { input, schedule: [] });
  const actions = new Set(points.map(({ action }) => action));
  for (const action of ['kafka: init', 'kafka: send', 'kafka: commit', 'kafka: fetch']) {
    expect(actions).toContain(action);
  }
  expect([...actions].filter((action) => action.startsWith('sink out'))).toEqual([]);
  expect([...actions].some((action) => /^disk: rename .*staged$/.test(action))).toBe(true);
  expect(visible.get('out')).toEqual(input);
});

test.each([
  'kill-late kafka: commit#2 +3',
  'kill-before kafka: send#2',
  'answer-lost kafka: init#1',
])('the schedule strikes at a request: %s', async (fault) => {
  const result = await replaySchedule(builds.kafka, { input, schedule: [fault] });
  expect(result.points.find((point) => point.fault !== undefined)?.action).toBe(
    fault.slice(fault.indexOf(' ') + 1, fault.indexOf('#')),
  );
  expect(result.violations).toEqual([]);
  expect(result.visible.get('out')).toEqual(input);
});
