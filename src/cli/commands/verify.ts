// `tidegate verify`: is everything that is stored whole, and does it agree with itself?

import { resolve } from 'node:path';
import { hasErrorCode, isTidegateError, toError, type ErrorCode } from '../../errors.js';
import { nodeFileSystem } from '../../runtime/file-system-node.js';
import { statIfExists } from '../../runtime/small-files.js';
import type { CheckpointListing, SkippedEntry, StoreReader } from '../../store/checkpoint-store.js';
import { StoreLayout } from '../../store/layout.js';
import type { Context, StoreOptions } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText } from '../json-output.js';
import { CommandError } from '../problems.js';
import { Progress } from '../progress.js';
import { choose, listAll, openReader, parseChoice, type OpenedReader } from '../store-access.js';
import { isAddress } from '../store-place.js';
import { table, toned } from '../table.js';
import { count, formatBytes } from '../units.js';
import { manifestFindings, storeFindings, type Finding } from '../verify-rules.js';

export interface VerifyOptions extends StoreOptions {
  /** Undefined: whatever each manifest says is taken for right. */
  readonly vnodeCount?: number;
}

interface Verified {
  readonly findings: readonly Finding[];
  readonly checkedCount: number;
  readonly checkedBytes: number;
  /** Directories without a manifest, left by a crash: no finding, since they are never resumed. */
  readonly orphans: readonly number[];
  /** Deleted by their owner while this ran. */
  readonly vanished: readonly number[];
}

export async function verify(
  id: string | undefined,
  options: VerifyOptions,
  context: Context,
): Promise<ExitCode> {
  const choice = id === undefined ? undefined : parseChoice(id);
  const opened = await openReader(options, context);
  const listings = await listAll(opened, context);
  const skipped = (await opened.reader.skipped?.({ signal: context.signal })) ?? [];
  if (listings.length + skipped.length === 0 && opened.reader.storeId === undefined) {
    throw new CommandError(
      `there is no store in ${opened.directory}, so there is nothing to verify`,
      'Name the directory that holds the checkpoints with --store DIR.',
    );
  }
  const chosen = choice === undefined ? listings : [choose(listings, choice)];
  const acrossAll = choice === undefined ? await findAcrossAll(opened, listings, skipped) : [];
  const { findings: perCheckpoint, ...counts } = await verifyEach(
    opened.reader,
    chosen,
    options,
    context,
  );
  report({ findings: [...perCheckpoint, ...acrossAll], ...counts }, options, context);
  return perCheckpoint.length + acrossAll.length === 0 ? exitCodes.fine : exitCodes.findings;
}

async function findAcrossAll(
  { directory, reader }: OpenedReader,
  listings: readonly CheckpointListing[],
  skipped: readonly SkippedEntry[],
): Promise<readonly Finding[]> {
  const warnings = (await reader.warnings?.()) ?? [];
  const findings = [
    ...storeFindings(listings, reader.storeId),
    ...warnings.map((message) => ({ checkpointId: undefined, message })),
    ...skipped.map(({ name, why }) => ({ checkpointId: undefined, message: `${name}: ${why}` })),
  ];
  const { identity } = new StoreLayout(resolve(directory));
  // A directory of another program has no identity to lose, and on a service it cannot be lost alone.
  const isOurs = reader.storeId !== undefined && !isAddress(directory);
  if (!isOurs || (await statIfExists(nodeFileSystem, identity)) !== undefined) return findings;
  const message = `${identity} is missing: the next start writes it again, from the manifests`;
  return [...findings, { checkpointId: undefined, message }];
}

async function verifyEach(
  reader: StoreReader,
  listings: readonly CheckpointListing[],
  { vnodeCount }: VerifyOptions,
  { terminal, clock, signal }: Context,
): Promise<Verified> {
  const progress = new Progress(terminal, clock);
  const findings: Finding[] = [];
  const vanished: number[] = [];
  const total = listings.reduce((sum, { byteLength }) => sum + byteLength, 0);
  let checkedBytes = 0;
  try {
    for (const [index, listing] of listings.entries()) {
      const label = `${index + 1} of ${count(listings.length, 'checkpoint')}, ${formatBytes(total)}`;
      progress.show({ done: checkedBytes, total, label });
      const found = await verifyOne(reader, listing, vnodeCount, signal);
      if (found === 'vanished') vanished.push(listing.id);
      else findings.push(...found);
      checkedBytes += listing.byteLength;
    }
  } finally {
    progress.end();
  }
  const orphans = listings.filter(({ state }) => state === 'orphan').map(({ id }) => id);
  const checkedCount = listings.length - vanished.length - orphans.length;
  return { findings, checkedCount, checkedBytes, orphans, vanished };
}

async function verifyOne(
  reader: StoreReader,
  listing: CheckpointListing,
  vnodeCount: number | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[] | 'vanished'> {
  const { id, state, manifest, problem } = listing;
  if (state === 'orphan') return [];
  const rules = manifest === undefined ? [] : manifestFindings(manifest, vnodeCount);
  if (problem !== undefined) return [damage(id, problem), ...rules];
  try {
    await reader.load(id, { signal });
    return rules;
  } catch (error) {
    if (hasErrorCode(error, 'TIDEGATE_CHECKPOINT_NOT_FOUND')) return 'vanished';
    // A disk that does not answer is no finding about what it holds.
    if (!isTidegateError(error) || error.kind !== 'corrupt') throw error;
    return [damage(id, error), ...rules];
  }
}

function damage(checkpointId: number, thrown: unknown): Finding {
  const code: ErrorCode | undefined = isTidegateError(thrown) ? thrown.code : undefined;
  return { checkpointId, code, message: toError(thrown).message };
}

function report(
  { findings, checkedCount, checkedBytes, orphans, vanished }: Verified,
  { json, store }: VerifyOptions,
  { terminal }: Context,
): void {
  if (json) {
    const entries = findings.map(({ checkpointId, code, message }) => ({
      checkpointId,
      code,
      message,
    }));
    terminal.printDocument(
      toJsonText({
        store,
        checked: checkedCount,
        checkedBytes,
        orphans,
        vanished,
        findings: entries,
      }),
    );
    return;
  }
  terminal.print(
    ...table(
      findings.map(({ checkpointId, message, code }) => [
        checkpointId === undefined ? 'store' : `checkpoint ${checkpointId}`,
        toned('bad', code === undefined ? message : `${code}: ${message}`),
      ]),
    ),
  );
  if (orphans.length > 0) {
    terminal.note(`without a manifest, so never resumed: ${orphans.join(', ')}`);
  }
  if (vanished.length > 0) {
    terminal.note(`deleted by their owner meanwhile: ${vanished.join(', ')}`);
  }
  const what = `${count(checkedCount, 'checkpoint')}, ${formatBytes(checkedBytes)}`;
  const outcome =
    findings.length === 0 ? toned('good', 'no findings') : count(findings.length, 'finding');
  terminal.note([`verified ${what}: `, outcome]);
}
