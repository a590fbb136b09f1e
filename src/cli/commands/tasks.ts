// `tidegate tasks`: every task whose store is in a directory: who runs it, and how far it has come.

import { join, resolve } from 'node:path';
import { nodeFileSystem } from '../../runtime/file-system-node.js';
import { unlessMissing } from '../../runtime/small-files.js';
import type { CheckpointListing, StoreOwner } from '../../store/checkpoint-store.js';
import type { Context, StoreOptions } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText } from '../json-output.js';
import { CommandError, UsageError } from '../problems.js';
import { openReader } from '../store-access.js';
import { isAddress } from '../store-place.js';
import { table, toned } from '../table.js';
import type { Line, Text } from '../terminal.js';
import { formatAge } from '../units.js';

interface FoundTask {
  /** Of its store, such as `orders#3`. */
  readonly task: string;
  readonly owner: StoreOwner | undefined;
  /** Newest first. */
  readonly listings: readonly CheckpointListing[];
  /** Why its store cannot be read. */
  readonly problem?: string;
}

const taskName = /^(.*)#(\d+)$/;

export async function tasks(options: StoreOptions, context: Context): Promise<ExitCode> {
  const { terminal, clock } = context;
  if (isAddress(options.store)) {
    throw new UsageError('tidegate tasks takes a directory of stores, not an address');
  }
  const found: FoundTask[] = [];
  for (const task of await taskNames(options.store)) {
    found.push(await look(task, options, context));
  }
  if (options.json === true) {
    terminal.printDocument(toJsonText({ store: options.store, tasks: found.map(asJson) }));
  } else terminal.print(...lines(found, clock.now()));
  return found.some(({ problem }) => problem !== undefined) ? exitCodes.findings : exitCodes.fine;
}

/** By their base names, then by number. */
async function taskNames(directory: string): Promise<readonly string[]> {
  const entries = (await unlessMissing(nodeFileSystem.listDirectory(resolve(directory)))) ?? [];
  const parts = entries.flatMap(({ name, kind }) => {
    const [, base = '', number = ''] = taskName.exec(name) ?? [];
    return number === '' || kind === 'file' ? [] : [{ name, base, number: Number(number) }];
  });
  if (parts.length > 0) {
    const inOrder = parts.sort(
      (one, other) => one.base.localeCompare(other.base) || one.number - other.number,
    );
    return inOrder.map(({ name }) => name);
  }
  throw new CommandError(
    `there are no stores of tasks in ${resolve(directory)}`,
    'Name the directory that holds them with --store DIR; each is named as in orders#3.',
  );
}

/** One store that cannot be read hides no other. */
async function look(task: string, options: StoreOptions, context: Context): Promise<FoundTask> {
  try {
    const { reader } = await openReader({ store: join(options.store, task) }, context);
    const owner = await reader.owner?.();
    const listings = await reader.list({ signal: context.signal });
    await reader.close();
    return { task, owner, listings };
  } catch (error) {
    context.signal.throwIfAborted();
    const problem = error instanceof Error ? error.message : String(error);
    return { task, owner: undefined, listings: [], problem };
  }
}

function facts({ owner, listings }: FoundTask) {
  return {
    newest: listings.find(({ state }) => state === 'complete'),
    inDoubt: listings.filter(({ state }) => state === 'in-doubt').map(({ id }) => id),
    generation: owner?.generation ?? listings[0]?.manifest?.tidegate?.generation,
  };
}

function asJson(found: FoundTask) {
  const { task, owner, problem } = found;
  const { newest, inDoubt, generation } = facts(found);
  const { pid, host, liveness } = owner ?? {};
  return {
    task,
    owner: owner === undefined ? undefined : { pid, host, liveness },
    generation,
    complete: newest && {
      id: newest.id,
      epoch: newest.manifest?.epoch,
      timestampMs: newest.manifest?.timestampMs,
    },
    inDoubt,
    problem,
  };
}

function lines(found: readonly FoundTask[], nowMs: number): readonly Line[] {
  const titles = ['TASK', 'OWNER', 'GENERATION', 'COMPLETE', 'AGE', 'IN DOUBT'];
  const rows = found.map((one): readonly Text[] => {
    const { newest, inDoubt, generation } = facts(one);
    return [
      one.task,
      one.problem === undefined ? ownerText(one.owner) : '-',
      String(generation ?? '-'),
      String(newest?.id ?? '-'),
      newest?.manifest === undefined ? '-' : formatAge(newest.manifest.timestampMs, nowMs),
      one.problem === undefined ? doubtText(inDoubt) : toned('bad', one.problem),
    ];
  });
  return table([titles.map((title) => toned('strong', title)), ...rows], { right: [2, 3, 4] });
}

function ownerText(owner: StoreOwner | undefined): Text {
  if (owner === undefined) return toned('quiet', 'none');
  const name = `${owner.pid} on ${owner.host}`;
  return owner.liveness === 'gone' ? toned('bad', `${name} (gone)`) : name;
}

function doubtText(ids: readonly number[]): Text {
  return ids.length === 0 ? toned('quiet', 'none') : toned('doubtful', ids.join(', '));
}
