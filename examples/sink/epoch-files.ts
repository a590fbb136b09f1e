// A durable sink that keeps each epoch as one file: staged, then renamed to where readers look.

import { randomUUID } from 'node:crypto';
import {
  access,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { toCheckpointId as checkpointId, TidegateError, type CheckpointId } from 'tidegate';
import type {
  CommitOutcome,
  Inspection,
  PreCommitRequest,
  Prepared,
  PreparedListing,
  RollbackOutcome,
  RollbackRequest,
  SinkInspector,
  SinkOwner,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from 'tidegate/extend';

/**
 * ```
 * <directory>/
 *   identity.json              whose output this is
 *   generation-2/<nonce>/      everything that is not committed; only generation 2 writes here
 *     16777217.json            a prepared epoch
 *   committed/
 *     33554433.json            a committed epoch: the file is output and marker in one
 * ```
 */
class Layout {
  readonly committed: string;
  readonly identity: string;

  constructor(readonly directory: string) {
    this.committed = join(directory, 'committed');
    this.identity = join(directory, 'identity.json');
  }

  markerOf(id: number): string {
    return join(this.committed, `${id}.json`);
  }

  generation(number: number): string {
    return join(this.directory, `generation-${number}`);
  }
}

const epochFile = /^\d+\.json$/;

export function epochFileSink<Rec>(directory: string): TwoPhaseSink<Rec> {
  const layout = new Layout(directory);
  return {
    durability: 'durable',
    open: async (owner) => {
      await mkdir(layout.committed, { recursive: true });
      await checkIdentity(layout, owner, { mayWrite: true });
      const staging = await takeOver(layout, owner.generation);
      return new Session<Rec>(layout, owner, staging);
    },
    openReadOnly: async (identity) => {
      await checkIdentity(layout, identity, { mayWrite: false });
      return new Inspector(layout, identity);
    },
  };
}

// #region take-over
/** Fences every older generation; gives the directory that only this one knows. */
async function takeOver(layout: Layout, generation: number): Promise<string> {
  const own = layout.generation(generation);
  await refuseIfOvertaken(layout, generation);
  await mkdir(own).catch((error: unknown) => {
    throw isCode(error, 'EEXIST') ? fenced(generation) : error;
  });
  // Looked at again: an owner that was paused before its mkdir may have been overtaken meanwhile.
  await refuseIfOvertaken(layout, generation);
  const staging = join(own, randomUUID());
  await mkdir(staging);
  for (const name of await namesIn(layout.directory)) {
    if (!name.startsWith('generation-') || name === basename(own)) continue;
    // From here on a rename that the older owner still has under way finds nothing.
    await rename(join(layout.directory, name), join(staging, name));
    for (const staged of await stagedIn(join(staging, name))) {
      await rename(staged, join(staging, basename(staged)));
    }
    await rm(join(staging, name), { recursive: true });
  }
  for (const path of [staging, own, layout.committed, layout.directory]) await sync(path);
  return staging;
}

async function refuseIfOvertaken(layout: Layout, generation: number): Promise<void> {
  const numbers = (await namesIn(layout.directory))
    .filter((name) => name.startsWith('generation-'))
    .map((name) => Number(name.slice('generation-'.length)));
  if (numbers.some((number) => number > generation)) throw fenced(generation);
}
// #endregion take-over

/** The questions: answered from the directory alone, so that a fresh process gives the same. */
class Inspector implements SinkInspector {
  constructor(
    protected readonly layout: Layout,
    protected readonly names: Pick<SinkOwner, 'pipeline' | 'sink'>,
  ) {}

  async inspect({ checkpointId }: { readonly checkpointId: CheckpointId }): Promise<Inspection> {
    // Prepared first, marker second: a commit between the two looks is seen.
    const isPrepared = (await this.staged()).some((path) => idOf(path) === checkpointId);
    if (await exists(this.layout.markerOf(checkpointId))) return 'committed';
    return isPrepared ? 'prepared' : 'absent';
  }

  async lastCommitted(): Promise<CheckpointId | undefined> {
    const names = await namesIn(this.layout.committed);
    const ids = names.filter((name) => epochFile.test(name)).map(idOf);
    return ids.length === 0 ? undefined : checkpointId(Math.max(...ids));
  }

  async listPrepared(): Promise<readonly PreparedListing[]> {
    const ids = (await this.staged()).map(idOf);
    return ids.map((id) => ({ handle: this.handleOf(id), checkpointId: checkpointId(id) }));
  }

  protected staged(): Promise<readonly string[]> {
    return stagedIn(this.layout.directory);
  }

  /** The generation is a part of the id, and so of the name. */
  protected handleOf(id: number): string {
    const { pipeline, sink } = this.names;
    return `${pipeline}/${sink}/${Math.floor(id / 2 ** 24)}/${id}`;
  }
}

class Session<Rec> extends Inspector implements TwoPhaseSinkSession<Rec> {
  #lines: string[] = [];
  #failure: unknown;

  constructor(
    layout: Layout,
    private readonly owner: SinkOwner,
    private readonly staging: string,
  ) {
    super(layout, owner);
  }

  write(records: readonly Rec[]): void {
    try {
      for (const record of records) this.#lines.push(toLine(record));
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  // #region pre-commit
  async preCommit({ checkpointId }: PreCommitRequest): Promise<Prepared> {
    this.#refuseIfBroken();
    const handle = this.handleOf(checkpointId);
    if ((await this.inspect({ checkpointId })) !== 'absent') return { handle };
    const text = `[${this.#lines.join(',')}]`;
    const path = join(this.staging, `${checkpointId}.json`);
    // Whole or not at all: a crash in the middle leaves a name that is never read.
    await this.#orBroken(writeDurably(`${path}.part`, text));
    await this.#orBroken(rename(`${path}.part`, path));
    await this.#orBroken(sync(this.staging));
    this.#lines = [];
    return { handle };
  }
  // #endregion pre-commit

  // #region commit
  async commit(handle: string): Promise<CommitOutcome> {
    this.#refuseIfBroken();
    const id = idOf(handle);
    const marker = this.layout.markerOf(id);
    try {
      await rename(join(this.staging, `${id}.json`), marker);
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error;
      // Not found says nothing: the marker does, and only for an owner that was not overtaken.
      await this.#orBroken(access(this.staging));
      return (await exists(marker)) ? 'already-applied' : 'absent';
    }
    await this.#orBroken(sync(this.layout.committed));
    return 'applied';
  }
  // #endregion commit

  async rollback({ keep }: RollbackRequest): Promise<ReadonlyMap<string, RollbackOutcome>> {
    const outcomes = new Map<string, RollbackOutcome>();
    for (const name of await this.#orBroken(readdir(this.staging))) {
      const handle = this.handleOf(idOf(name));
      if (keep.includes(handle)) continue;
      await rm(join(this.staging, name));
      if (name.endsWith('.json')) outcomes.set(handle, 'rolled-back');
    }
    await this.#orBroken(sync(this.staging));
    this.#lines = [];
    return outcomes;
  }

  protected override async staged(): Promise<readonly string[]> {
    const names = await this.#orBroken(readdir(this.staging));
    return names.filter((name) => epochFile.test(name)).map((name) => join(this.staging, name));
  }

  /** After a failure the state of the disk is unknown: only a new opening reads it again. */
  async #orBroken<Answer>(call: Promise<Answer>): Promise<Answer> {
    try {
      return await call;
    } catch (error) {
      // Our directory is only ever taken away by a newer owner.
      this.#failure = isCode(error, 'ENOENT') ? fenced(this.owner.generation) : error;
      throw this.#failure;
    }
  }

  #refuseIfBroken(): void {
    if (this.#failure === undefined) return;
    throw new TidegateError('TIDEGATE_SINK_WRITE_FAILED', 'something of this epoch is missing', {
      cause: this.#failure,
    });
  }
}

async function checkIdentity(
  layout: Layout,
  asked: Omit<SinkOwner, 'generation'>,
  { mayWrite }: { readonly mayWrite: boolean },
): Promise<void> {
  const mine = { storeId: asked.storeId, pipeline: asked.pipeline, sink: asked.sink };
  const text = await readFile(layout.identity, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (text === undefined) {
    if (!mayWrite) return;
    const draft = join(layout.directory, `identity-${randomUUID()}`);
    await writeDurably(draft, JSON.stringify(mine));
    // A link, not a rename: of two first openings one finds that the other was there.
    await link(draft, layout.identity).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
    await rm(draft);
    await sync(layout.directory);
    return checkIdentity(layout, asked, { mayWrite });
  }
  if (text === JSON.stringify(mine)) return;
  throw new TidegateError(
    'TIDEGATE_SINK_STORE',
    `${layout.directory} holds output of ${text}, and was opened for ${JSON.stringify(mine)}`,
  );
}

/** Epochs that are staged anywhere below a directory. */
async function stagedIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(noneIfGone);
  return entries
    .filter((path) => !path.startsWith('committed') && epochFile.test(basename(path)))
    .map((path) => join(directory, path));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(noneIfGone);
}

function noneIfGone(error: unknown): string[] {
  if (isCode(error, 'ENOENT')) return [];
  throw error;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, 'ENOENT')) return false;
      throw error;
    },
  );
}

async function writeDurably(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await sync(path);
}

/** A name is durable when its directory is synced, a file's bytes when the file is. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The checkpoint id in a path or a handle: the last number in it. */
function idOf(name: string): number {
  return Number.parseInt(basename(name), 10);
}

function toLine(record: unknown): string {
  const line = JSON.stringify(record) as string | undefined;
  if (line === undefined) throw new TypeError('a record is nothing that JSON can hold');
  return line;
}

function isCode(error: unknown, code: string): boolean {
  return (error as { readonly code?: unknown }).code === code;
}

function fenced(generation: number): TidegateError {
  return new TidegateError('TIDEGATE_FENCED', `generation ${generation} has been overtaken`);
}
