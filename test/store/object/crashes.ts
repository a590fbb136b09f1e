// Every request of a sequence of calls fails or is the last one of its process, in every way of the fault
// model, and what arrives late does so at every later request.

import { createHash } from 'node:crypto';
import { isTidegateError } from 'tidegate';
import { SimulatedObjectStorage } from 'tidegate/testing';
import type { ObjectFault, ObjectOperationKind } from 'tidegate/testing';
import { Worker, forward, type ActionName } from '../crash/actions.js';
import { Ledger } from '../crash/ledger.js';
import { checkOpened } from '../crash/verdict.js';
import { ObjectProcess } from './bench.js';

export interface ObjectCrashResult {
  /** Schedules that were run. */
  readonly runs: number;
  /** Runs in which a late request changed what a later owner had before it. */
  readonly lateArrivals: number;
  readonly violation: string | undefined;
}

/** What happens at one request of the last action. */
interface Incident {
  readonly fault: ObjectFault;
  readonly isKilled: boolean;
}

const faults: readonly ObjectFault[] = [
  { kind: 'unreachable', effect: 'none' },
  { kind: 'throttled', effect: 'none' },
  { kind: 'unknown', effect: 'none' },
  { kind: 'unknown', effect: 'done' },
  { kind: 'unknown', effect: 'late' },
  { kind: 'unknown', effect: 'twice' },
  { kind: 'condition-failed', effect: 'done' },
  { kind: 'denied', effect: 'none' },
  { kind: 'denied', effect: 'late' },
];

const kills: readonly ObjectFault[] = [
  { kind: 'unknown', effect: 'none' },
  { kind: 'unknown', effect: 'done' },
  { kind: 'unknown', effect: 'late' },
];

const incidents: readonly Incident[] = [
  ...faults.map((fault) => ({ fault, isKilled: false })),
  ...kills.map((fault) => ({ fault, isKilled: true })),
];

const reads: ReadonlySet<ObjectOperationKind> = new Set(['get', 'head', 'list', 'list-uploads']);

/** Late requests arrive after this many more requests of the same process, or of a later owner. */
const maxDelay = 12;

export async function enumerateObjectCrashes(
  sequences: readonly (readonly ActionName[])[],
): Promise<ObjectCrashResult> {
  const counts = { runs: 0, lateArrivals: 0 };
  const judged = new Set<string>();
  for (const sequence of sequences) {
    for (const incident of incidents) {
      for (let index = 0; ; index += 1) {
        const where = `${sequence.join(', ')}; request ${index} of the last: ${show(incident)}`;
        const outcome = await crashAt({ sequence, incident, index, counts, judged });
        if (outcome === 'not-reached') break;
        if (outcome !== 'kept') return { ...counts, violation: `${where}: ${outcome}` };
      }
    }
  }
  return { ...counts, violation: undefined };
}

interface CrashPlan {
  readonly sequence: readonly ActionName[];
  readonly incident: Incident;
  readonly index: number;
  readonly counts: { runs: number; lateArrivals: number };
  /** States that were judged before. */
  readonly judged: Set<string>;
}

async function crashAt(plan: CrashPlan): Promise<string> {
  const isLate = plan.incident.fault.effect === 'late' || plan.incident.fault.effect === 'twice';
  // In the same process, where it goes on; then in the one after it.
  const delays = isLate && !plan.incident.isKilled ? [1, 2, 3, 5, 8, Infinity] : [Infinity];
  for (const delay of delays) {
    const run = await runSequence(plan, delay);
    if (run === undefined) return 'not-reached';
    // Of reading there is nothing to lose but the answer.
    if (run.isRead && plan.incident.fault.effect !== 'none') return 'kept';
    const later = run.service.late().length > 0 ? maxDelay : 0;
    const state = stateOf(run.service, run.ledger);
    if (plan.judged.has(state)) continue;
    plan.judged.add(state);
    for (let arrival = 0; arrival <= later; arrival += 1) {
      plan.counts.runs += 1;
      const service = run.service.clone();
      const problem = await judge(service, run.ledger.clone(), arrival, plan.counts);
      if (problem === undefined) continue;
      return `late after ${delay} requests, then ${arrival} of the next owner: ${problem}`;
    }
  }
  return 'kept';
}

/** Undefined when the last action has fewer requests. */
async function runSequence(
  { sequence, incident, index }: CrashPlan,
  delay: number,
): Promise<{ service: SimulatedObjectStorage; ledger: Ledger; isRead: boolean } | undefined> {
  const service = new SimulatedObjectStorage({
    clock: { now: () => 1_700_000_000_000 },
    minPartBytes: 8,
  });
  const ledger = new Ledger();
  const progress = { isLast: false, isRead: false, seen: -1, hasHappened: false };
  let die = (): void => undefined;
  const dead = new Promise<'dead'>((resolve) => (die = () => resolve('dead')));
  const process = new ObjectProcess(service, {
    store: { partBytes: 8, timeouts: { requestMs: 1_000, retryMs: 500 } },
    hooks: {
      before: ({ kind }) => {
        if (!progress.isLast) return undefined;
        progress.seen += 1;
        if (progress.seen === index + delay) service.deliverLate();
        if (progress.seen !== index) return undefined;
        progress.isRead = reads.has(kind);
        progress.hasHappened = true;
        if (incident.isKilled) process.connection.kill();
        if (incident.isKilled) die();
        return incident.fault;
      },
    },
  });
  const worker = new Worker((random) => process.store(random), ledger);
  for (const [at, action] of sequence.entries()) {
    progress.isLast = at === sequence.length - 1;
    const performing = worker.perform(action);
    // Not awaited by the clock of a process that is dead.
    const outcome = await Promise.race([settled(process.run(performing)), dead]);
    if (outcome !== 'done' && outcome !== 'dead' && !progress.hasHappened) throw outcome;
    if (outcome !== 'done') break;
  }
  const { hasHappened, isRead } = progress;
  return hasHappened ? { service, ledger, isRead } : undefined;
}

function stateOf(service: SimulatedObjectStorage, ledger: Ledger): string {
  const hash = createHash('sha1');
  for (const [key, bytes] of service.objects()) hash.update(`${key}\0`).update(bytes);
  hash.update(JSON.stringify([service.uploads(), service.late(), ledger.key()]));
  return hash.digest('base64');
}

/** An owner after the crash, at one of whose requests what is late arrives; and one after it. */
async function judge(
  service: SimulatedObjectStorage,
  ledger: Ledger,
  arrival: number,
  counts: { lateArrivals: number },
): Promise<string | undefined> {
  const hooks = {
    before: ({ index }: { index: number }) => {
      if (index !== arrival || service.late().length === 0) return undefined;
      const before = [...service.objects().keys()].join();
      service.deliverLate();
      if ([...service.objects().keys()].join() !== before) counts.lateArrivals += 1;
      return undefined;
    },
  };
  try {
    const owner = new ObjectProcess(service, { hooks, seed: 11 });
    const store = await owner.open();
    const problem = await owner.run(checkSteady(service, store, ledger));
    if (problem !== undefined) return problem;
    const newest = (await owner.run(store.list()))[0]?.manifest;
    const seen = new Ledger();
    seen.storeId = store.storeId;
    seen.generation = store.generation;
    if (newest !== undefined) await owner.run(store.saveManifest(forward(newest)));
    for (let round = 0; round < 2; round += 1) {
      await owner.run(store.prune({ retainedCheckpoints: 1 }));
      service.deliverLate();
    }
    for (const { manifest } of await owner.run(store.list())) {
      if (manifest !== undefined) seen.acknowledge(manifest);
    }
    const third = new ObjectProcess(service, { seed: 13 });
    const last = await third.open();
    const later = await third.run(checkSteady(service, last, seen));
    return later === undefined ? undefined : `after the next owner: ${later}`;
  } catch (error) {
    return `the store cannot be used: ${String(error)}`;
  }
}

/** What an owner sees keeps what was promised, before and after everything late has arrived. */
async function checkSteady(
  service: SimulatedObjectStorage,
  store: Awaited<ReturnType<ObjectProcess['open']>>,
  ledger: Ledger,
): Promise<string | undefined> {
  const before = await store.list();
  const problem = await checkOpened(store, before, ledger);
  if (problem !== undefined) return problem;
  service.deliverLate();
  const after = await store.list();
  const ids = (listings: typeof before): string =>
    JSON.stringify(listings.map(({ id, state }) => [id, state]));
  if (ids(before) !== ids(after)) return `an owner saw ${ids(before)}, then ${ids(after)}`;
  return checkOpened(store, after, ledger);
}

async function settled(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return isTidegateError(error) ? error : new Error(`no code: ${String(error)}`);
  }
}

function show({ fault, isKilled }: Incident): string {
  return `${fault.kind}, effect ${fault.effect}${isKilled ? ', killed' : ''}`;
}
