// The power fails, or the process is killed, before and after each operation of two lives of the
// sink: what was answered before still holds, and no output is lost, doubled or shown too early.

import { describe, expect, test } from '@jest/globals';
import { seededRandom } from 'tidegate/extend';
import type { FileSystem, Random, TwoPhaseSinkSession } from 'tidegate/extend';
import { SimulatedDisk } from 'tidegate/testing';
import type { DiskMount, DiskOperation } from 'tidegate/testing';
import { attempt, calm, linesOf, ownerOf, published, sinkOn, type Numbered } from './sink-world.js';

type Standing =
  'preparing' | 'prepared' | 'committing' | 'committed' | 'rolling-back' | 'rolled-back';

interface KnownEpoch {
  readonly generation: number;
  readonly sequence: number;
  readonly numbers: readonly number[];
  handle: string | undefined;
  standing: Standing;
}

/** What an epoch may answer after a crash, by what was known of it before. */
const allowed: Readonly<Record<Standing, readonly string[]>> = {
  preparing: ['absent', 'prepared'],
  prepared: ['prepared'],
  committing: ['prepared', 'committed'],
  committed: ['committed'],
  'rolling-back': ['absent', 'prepared'],
  'rolled-back': ['absent'],
};

type Tamper = (inner: FileSystem) => FileSystem;
const untouched: Tamper = (inner) => inner;

describe('the file sink keeps what it answered when', () => {
  test('the process is killed at any operation of two lives', async () => {
    const firsts = await operationsOf(firstLife);
    expect(firsts).toBeGreaterThan(60);
    for (let first = 0; first <= firsts; first += 1) {
      const dead = await liveUntil(new SimulatedDisk(), [], firstLife, first);
      // Another remainder each time: together they cover every second operation.
      for (let second = first % 9; ; second += 9) {
        const { disk, known, isOver } = await liveUntil(
          dead.disk.clone(),
          dead.known,
          secondLife,
          second,
        );
        await check(disk, known, `killed at ${first}, then at ${second}`);
        if (isOver) break;
      }
    }
  });

  test('the power fails at any operation, with every outcome or many of them', async () => {
    const random = seededRandom(11);
    const firsts = await operationsOf(firstLife);
    for (let first = 0; first <= firsts; first += 1) {
      const { disk, known } = await liveUntil(new SimulatedDisk(), [], firstLife, first);
      for (const lost of outcomes(disk, random, 20)) {
        await check(lost, known, `power lost at ${first}`);
      }
    }
  });

  test('the power fails twice, the second time while the sink is opened', async () => {
    const seed = 12;
    const random = seededRandom(seed);
    const firsts = await operationsOf(firstLife);
    for (let run = 0; run < 600; run += 1) {
      const first = Math.floor(random.next() * (firsts + 1));
      const dead = await liveUntil(new SimulatedDisk(), [], firstLife, first);
      const [lost] = outcomes(dead.disk, random, 1);
      const second = Math.floor(random.next() * 80);
      const again = await liveUntil(lost!, dead.known, secondLife, second);
      const [twice] = outcomes(again.disk, random, 1);
      await check(twice!, again.known, `seed ${seed}, run ${run}: at ${first}, then at ${second}`);
    }
  });
});

describe('the power loss finds a sink that does not sync', () => {
  test.each<[string, Tamper]>([
    ['the output of an epoch', withoutFileSync(/open_\d+$/)],
    ['the commit record', withoutFileSync(/prepared_\d+\.json\.new$/)],
    ['the staging directory', withoutDirectorySync(/staging_[0-9a-f]+$/)],
    ['the directory of the markers', withoutDirectorySync(/committed$/)],
    ['the directory of the sink itself', withoutDirectorySync(/_tidegate$/)],
    ['the directory of a generation', withoutDirectorySync(/generation_\d+$/)],
    ['the published output', withoutDirectorySync(/^\/data\/out$/)],
    ['the ledger', withoutFileSync(/ledger\.json$/)],
    ['the identity', withoutFileSync(/sink\.json$/)],
  ])('%s', async (_what, tamper) => {
    const random = seededRandom(13);
    const firsts = await operationsOf(firstLife);
    const found: string[] = [];
    for (let run = 0; run < 3_000 && found.length === 0; run += 1) {
      const first = Math.floor(random.next() * (firsts + 1));
      const dead = await liveUntil(new SimulatedDisk(), [], firstLife, first, tamper);
      const [lost] = outcomes(dead.disk, random, 1);
      const second = Math.floor(random.next() * 80);
      const again = await liveUntil(lost!, dead.known, secondLife, second, tamper).catch(
        (error: unknown) => String(error),
      );
      if (typeof again === 'string') {
        found.push(again);
        break;
      }
      const [twice] = outcomes(again.disk, random, 1);
      await check(twice!, again.known, '').catch((error: unknown) => found.push(String(error)));
    }
    expect(found).not.toEqual([]);
  });
});

type Life = (sink: (number: number) => Promise<Session>, known: KnownEpoch[]) => Promise<void>;
type Session = TwoPhaseSinkSession<Numbered>;

/** Commits, prepares and rolls back; ends with one epoch prepared and one half written. */
const firstLife: Life = async (open, known) => {
  const session = await open(1);
  await commit(session, await prepareKnown(session, known, 1, 1, [1, 2, 3]));
  await commit(session, await prepareKnown(session, known, 1, 2, []));
  const third = await prepareKnown(session, known, 1, 3, [4]);
  await session.write([{ number: 99 }]);
  await rollBack(session, [third]);
  const session2 = await open(2);
  await commit(session2, await prepareKnown(session2, known, 2, 1, [5]));
  await prepareKnown(session2, known, 2, 2, [6, 7]);
  await session2.write([{ number: 98 }, { number: 97 }]);
};

/** Opens, rolls one epoch forward and the others back, as a recovery would, and goes on. */
const secondLife: Life = async (open, known) => {
  const session = await open(3);
  const prepared: KnownEpoch[] = [];
  for (const epoch of known) {
    const answer = await inspect(session, epoch);
    if (answer === 'unsupported') throw new Error('the sink cannot tell');
    epoch.standing = answer === 'absent' ? 'rolled-back' : answer;
    epoch.handle ??= handleOf(epoch);
    if (answer === 'prepared') prepared.push(epoch);
  }
  const [forward, ...back] = prepared.reverse();
  if (forward !== undefined) await commit(session, forward);
  if (back.length > 0) await rollBack(session, back);
  await commit(session, await prepareKnown(session, known, 3, 1, [8]));
};

async function prepareKnown(
  session: Session,
  known: KnownEpoch[],
  generation: number,
  sequence: number,
  numbers: readonly number[],
): Promise<KnownEpoch> {
  const epoch: KnownEpoch = {
    generation,
    sequence,
    numbers,
    handle: undefined,
    standing: 'preparing',
  };
  known.push(epoch);
  await session.write(numbers.map((number) => ({ number })));
  epoch.handle = (await session.preCommit(attempt(generation, sequence), calm)).handle;
  epoch.standing = 'prepared';
  return epoch;
}

async function commit(session: Session, epoch: KnownEpoch): Promise<void> {
  epoch.standing = 'committing';
  const outcome = await session.commit(epoch.handle ?? handleOf(epoch), calm);
  if (outcome === 'absent') throw new Error(`epoch ${handleOf(epoch)} is absent`);
  epoch.standing = 'committed';
}

async function rollBack(session: Session, epochs: readonly KnownEpoch[]): Promise<void> {
  for (const epoch of epochs) epoch.standing = 'rolling-back';
  await session.rollback({ keep: [] }, calm);
  for (const epoch of epochs) epoch.standing = 'rolled-back';
}

function inspect(session: Session, epoch: KnownEpoch) {
  const { checkpointId } = attempt(epoch.generation, epoch.sequence);
  return session.inspect({ checkpointId, handle: handleOf(epoch) }, calm);
}

function handleOf({ generation, sequence }: KnownEpoch): string {
  return `orders/out/${generation}/${attempt(generation, sequence).checkpointId}`;
}

/** Opens after a crash: every answer must be allowed, and everything visible must be right. */
async function check(
  disk: SimulatedDisk,
  known: readonly KnownEpoch[],
  when: string,
): Promise<void> {
  for (const rest of ['forward', 'back'] as const) {
    const world = disk.clone();
    const session = await sinkOn(world.mount().fileSystem, small).open(ownerOf(7), calm);
    const committed: KnownEpoch[] = [];
    for (const epoch of known) {
      const answer = await inspect(session, epoch);
      if (!allowed[epoch.standing].includes(answer)) {
        throw new Error(`${when}: ${handleOf(epoch)} was ${epoch.standing} and is ${answer}`);
      }
      if (answer === 'committed') committed.push(epoch);
      if (answer === 'prepared' && rest === 'forward') {
        await session.commit(handleOf(epoch), calm);
        committed.push(epoch);
      }
    }
    await session.rollback({ keep: [] }, calm);
    const newest = committed.at(-1);
    const last = await session.lastCommitted(calm);
    const newestId = newest && attempt(newest.generation, newest.sequence).checkpointId;
    if (last !== newestId) throw new Error(`${when}: the newest is ${newestId}, not ${last}`);
    const expected = linesOf(committed.flatMap(({ numbers }) => numbers));
    if (published(world) !== expected) {
      throw new Error(`${when}: published ${published(world)} instead of ${expected}`);
    }
    if ((await session.listPrepared(calm)).length > 0) throw new Error(`${when}: left prepared`);
  }
}

/** Small buffers and an early fold, so that every path has its operations in a short life. */
const small = { bufferBytes: 16, maxLooseMarkers: 2 };

async function liveUntil(
  disk: SimulatedDisk,
  knownBefore: readonly KnownEpoch[],
  life: Life,
  stopAt: number,
  tamper = untouched,
) {
  const known = knownBefore.map((epoch) => ({ ...epoch }));
  let settle = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (settle = resolve));
  const stop = (operation: DiskOperation): undefined => {
    if (operation.index < stopAt) return undefined;
    mount.kill();
    settle();
    return undefined;
  };
  const mount: DiskMount = disk.mount({ before: stop });
  const fileSystem = tamper(mount.fileSystem);
  let isOver = false;
  const running = life(
    (number) => sinkOn(fileSystem, small).open(ownerOf(number), calm),
    known,
  ).then(() => (isOver = true));
  await Promise.race([running, stopped]);
  return { disk, known, isOver, operations: mount.operationCount };
}

async function operationsOf(life: Life): Promise<number> {
  const { operations } = await liveUntil(new SimulatedDisk(), [], life, Infinity);
  return operations;
}

/** All outcomes where there are few, else some by chance. */
function outcomes(disk: SimulatedDisk, random: Random, most: number): SimulatedDisk[] {
  const found: SimulatedDisk[] = [];
  for (let count = 0; count < most; count += 1) {
    found.push(...disk.powerLossOutcomes({ random }));
  }
  return found;
}

function withoutFileSync(path: RegExp): Tamper {
  return (inner) => ({
    ...inner,
    createFile: async (name) => {
      const file = await inner.createFile(name);
      return path.test(name) ? { ...file, sync: async () => undefined } : file;
    },
  });
}

function withoutDirectorySync(path: RegExp): Tamper {
  return (inner) => ({
    ...inner,
    syncDirectory: (name) => (path.test(name) ? Promise.resolve() : inner.syncDirectory(name)),
  });
}
