import { expect, test } from '@jest/globals';
import { seededRandom } from 'tidegate/extend';
import { fails, hangs, losesItsAnswer, RecoveryWorld, type SinkCall } from './kit.js';

const calls = ['open', 'inspect', 'lastCommitted', 'commit', 'rollback'] as const;
const worlds = 60;

/**
 * Crashed stores with two sinks in any honest state, and sinks that fail, hang and lose answers:
 * recovered again and again, each sink ends with exactly the epochs below the resumed offsets.
 */
test('whatever fails, a recovery that resumes leaves each sink with exactly what lies below it', async () => {
  const seed = Number(process.env.SEED ?? 20_261);
  const ended = new Map<string, number>();
  for (let index = 0; index < worlds; index += 1) {
    const kind = await oneWorld(seed + index).catch((error: unknown) => {
      throw new Error(`seed ${seed + index}`, { cause: error });
    });
    ended.set(kind, (ended.get(kind) ?? 0) + 1);
  }
  expect([...ended.keys()].sort()).toEqual(['base', 'newest', 'refused']);
}, 60_000);

async function oneWorld(seed: number): Promise<string> {
  const random = seededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random.next() * items.length)]!;
  const world = new RecoveryWorld('archive', 'warehouse');
  world.request = { occasion: pick(['start', 'in-process']) };
  world.options = { inDoubtPolicy: pick(['roll-back', 'roll-forward']) };
  const base = await world.stored({ epoch: 1, sinks: { archive: 'C', warehouse: 'C' } });
  const newest = await world.stored({ epoch: 2, sinks: { archive: 'P', warehouse: 'P' } });
  for (const sink of world.sinks.values()) {
    const truth = pick(['committed', 'prepared', 'prepared', 'absent']);
    if (truth === 'committed') sink.committed(newest);
    if (truth === 'prepared') sink.prepare(newest);
  }
  for (let fault = 0; fault < 3; fault += 1) {
    const call: SinkCall = pick(calls);
    world.sink(pick(['archive', 'warehouse'])).on(call, pick([fails, hangs, losesItsAnswer]));
  }
  for (let life = 0; life < 2; life += 1) {
    const outcome = await world.recover();
    const holders = [...world.sinks.values()].filter(({ markers }) => markers.has(newest));
    if (outcome.kind === 'refused') {
      // Only a split may be refused: every fault passes.
      expect(outcome.cause.code).toBe('TIDEGATE_RECOVERY_SPLIT');
      expect(holders).toHaveLength(1);
      return 'refused';
    }
    const { checkpointId } = outcome.base.manifest;
    expect(holders).toHaveLength(checkpointId === newest ? 2 : 0);
    expect([base, newest]).toContain(checkpointId);
    for (const sink of world.sinks.values()) expect(sink.prepared.size).toBe(0);
    if (life === 1) return checkpointId === newest ? 'newest' : 'base';
  }
  return 'never';
}
