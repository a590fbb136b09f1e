import { describe, expect, test } from '@jest/globals';
import type { Durability } from 'tidegate/extend';
import type { CheckpointManifest } from 'tidegate/manifest';
import { check } from 'tidegate/testing';
import type { HistoryEvent, Observation } from 'tidegate/testing';

const expected = [1, 2, 3, 4].map((number) => ({ key: number % 2, number }));
const [one, two, three, four] = expected;

/** Rules that a run broke whose only sink shows these records. */
function brokenBy(
  durability: Durability,
  visible: readonly unknown[],
  rest: Partial<Observation> & { readonly preparedCount?: number } = {},
): readonly string[] {
  const { preparedCount = 0, ...observation } = rest;
  const sinks = [{ name: 'a', durability, visible, expected, preparedCount }];
  const whole = {
    ending: 'completed',
    disaster: false,
    sinks,
    history: [],
    ...observation,
  } as const;
  return [...new Set(check(whole).map(({ rule }) => rule))];
}

describe('a run breaks the promise when', () => {
  test('it is complete and right: no, then it does not', () => {
    for (const durability of ['durable', 'last-resource', 'idempotent', 'at-least-once'] as const) {
      expect(brokenBy(durability, expected)).toEqual([]);
    }
  });

  test('a record is missing at the end', () => {
    expect(brokenBy('durable', [one, two, three])).toEqual(['nothing is lost']);
    expect(brokenBy('at-least-once', [one, two, three])).toContain('nothing is lost');
  });

  test('a record in the middle is missing', () => {
    expect(brokenBy('durable', [one, three, four])).toEqual(['nothing is lost', 'order is kept']);
    expect(brokenBy('at-least-once', [one, three, four])).toContain('order is kept');
  });

  test('a record is there twice, at a sink that promised exactly once', () => {
    const twice = [one, two, two, three, four];
    expect(brokenBy('last-resource', twice)).toContain('nothing is duplicated or made up');
    expect(brokenBy('at-least-once', twice)).toEqual([]);
    expect(brokenBy('idempotent', twice)).toEqual([]);
  });

  test('a record is there that belongs nowhere, at any sink', () => {
    const madeUp = [...expected, { key: 0, number: 9 }];
    expect(brokenBy('at-least-once', madeUp)).toContain('nothing is duplicated or made up');
    expect(brokenBy('durable', madeUp)).toContain('nothing is duplicated or made up');
  });

  test('two records are visible in the wrong order', () => {
    expect(brokenBy('durable', [two, one, three, four])).toEqual(['order is kept']);
  });

  test('two records of one key are, where only those have an order', () => {
    const within = (visible: readonly unknown[]): readonly string[] => {
      const sink = {
        name: 'a',
        durability: 'durable',
        visible,
        expected,
        preparedCount: 0,
      } as const;
      return brokenBy('durable', [], { sinks: [{ ...sink, order: 'key' }] });
    };
    expect(within([two, one, four, three])).toEqual([]);
    expect(within([three, one, two, four])).toEqual(['order is kept']);
  });

  test('an older value of a key overwrites the newer one', () => {
    expect(brokenBy('idempotent', [...expected, two])).toEqual([
      'the last value of each key stays',
    ]);
  });

  test('something is left prepared at the end', () => {
    expect(brokenBy('durable', expected, { preparedCount: 1 })).toEqual([
      'nothing is left prepared',
    ]);
  });

  test('recovery refuses although nothing was lost, but not after a disaster', () => {
    const refused = { ending: 'refused' } as const;
    expect(brokenBy('durable', [one], refused)).toEqual(['a crash needs no human']);
    expect(brokenBy('durable', [one], { ...refused, disaster: true })).toEqual([]);
  });

  test('a refusal leaves duplicates behind, which nobody can take away again', () => {
    const refused = { ending: 'refused', disaster: true } as const;
    expect(brokenBy('durable', [one, one], refused)).toContain('nothing is duplicated or made up');
  });
});

describe('the history of a run breaks a rule when', () => {
  const broken = (...history: HistoryEvent[]): readonly string[] =>
    brokenBy('durable', expected, { history });

  test('an id is given out twice', () => {
    const allocated = { kind: 'allocated', generation: 1, id: 7 } as const;
    expect(broken(allocated, { ...allocated, id: 8 })).toEqual([]);
    expect(broken(allocated, allocated)).toContain('a checkpoint id is never reused');
    expect(broken(allocated, { ...allocated, generation: 2 })).toContain(
      'a checkpoint id is never reused',
    );
  });

  test('a later generation gives out a lower id', () => {
    const history = [
      { kind: 'allocated', generation: 1, id: 7 },
      { kind: 'allocated', generation: 2, id: 6 },
    ] as const;
    expect(broken(...history)).toEqual(['checkpoint ids rise with the generations']);
  });

  test('a second checkpoint is saved while one is in doubt', () => {
    const first = saving(1, 'pending');
    const second = saving(2, 'pending');
    const settling = saving(1, 'committed');
    const settled: HistoryEvent = { ...settling, kind: 'saved' };
    expect(broken(first, settling, settled, second)).toEqual([]);
    // A save that has only begun settles nothing.
    expect(broken(first, settling, second)).toEqual(['at most one checkpoint is in doubt']);
    expect(broken(first, second)).toEqual(['at most one checkpoint is in doubt']);
    // A save of another generation is refused by the fence, or seen by the next scan.
    expect(broken(first, { ...second, generation: 2 })).toEqual([]);
    expect(broken(first, { kind: 'scanned', generation: 1, manifests: [] }, second)).toEqual([]);
  });

  test('an overtaken process takes the store back', () => {
    const opened = (life: number, generation: number): HistoryEvent => {
      return { kind: 'opened', life, generation };
    };
    expect(broken(opened(1, 1), opened(1, 2), opened(2, 3))).toEqual([]);
    expect(broken(opened(2, 1), opened(1, 2))).toEqual([]);
    expect(broken(opened(1, 1), opened(2, 2), opened(1, 3))).toEqual(['an overtaken owner stops']);
  });

  test('a source is told to forget what no complete checkpoint lies behind', () => {
    const acknowledged = { kind: 'acknowledged', source: 'orders', next: 2 } as const;
    const saved = { kind: 'saved', generation: 1 } as const;
    expect(broken({ ...saved, manifest: manifestOf(1, 'committed') }, acknowledged)).toEqual([]);
    expect(broken({ ...saved, manifest: manifestOf(1, 'pending') }, acknowledged)).toEqual([
      'a source is acknowledged up to a complete checkpoint',
    ]);
  });
});

function saving(id: number, status: 'pending' | 'committed') {
  return { kind: 'saving', generation: 1, manifest: manifestOf(id, status) } as const;
}

function manifestOf(checkpointId: number, kind: 'pending' | 'committed'): CheckpointManifest {
  const offsets = new Map([['next', '2']]);
  return {
    checkpointId,
    sinkNames: ['a'],
    sinkCommitStatuses: new Map([['a', { kind }]]),
    sourceOffsets: new Map([['orders', { offsets, epoch: 1, metadata: new Map() }]]),
  } as unknown as CheckpointManifest;
}
