// What a sink has prepared, what speaks for committing it and what for rolling it back.

import { handleOf, statusOf } from '../manifest/sinks.js';
import { isTwoPhase, type Inspection, type SinkInspector } from '../contracts/sink.js';
import type { Participants } from '../contracts/participants.js';
import { checkpointId as toCheckpointId } from '../ids.js';
import { sinksToCommit } from '../manifest/sinks.js';
import type { CheckpointManifest } from '../manifest/types.js';
import type { CheckpointListing, CheckpointState } from '../store/checkpoint-store.js';

type Standing = 'committed' | 'prepared' | 'absent' | 'unknown';

/** Asks an inspector with a bound; rejects when there is no answer. */
export type AskSink = <Value>(
  what: string,
  call: (signal: AbortSignal) => Promise<Value>,
) => Promise<Value>;

export interface PreparedOutput {
  readonly sink: string;
  readonly handle: string;
  readonly preparedAtMs: number | undefined;
  /** The newest checkpoint whose manifest names the handle. */
  readonly namedBy:
    { readonly id: number; readonly epoch: number; readonly state: CheckpointState } | undefined;
  /** Where the other two-phase sinks of that checkpoint stand. */
  readonly others: ReadonlyMap<string, Standing>;
}

export interface InspectRequest {
  readonly listings: readonly CheckpointListing[];
  readonly participants: Participants;
  readonly inspectors: ReadonlyMap<string, SinkInspector>;
  readonly ask: AskSink;
}

/** Everything that every two-phase sink has prepared, sink by sink. */
export async function preparedOutputs(request: InspectRequest): Promise<readonly PreparedOutput[]> {
  const outputs: PreparedOutput[] = [];
  for (const [sink, inspector] of request.inspectors) {
    const listed = await request.ask(`listing what sink ${sink} has prepared`, (signal) =>
      inspector.listPrepared({ signal }),
    );
    for (const { handle, preparedAtMs } of listed) {
      const { namedBy, others } = await evidenceFor(sink, handle, request);
      outputs.push({ sink, handle, preparedAtMs, namedBy, others });
    }
  }
  return outputs;
}

/** Why it should not be committed; undefined when nothing speaks against it. */
export function againstCommit({ namedBy, others }: PreparedOutput): string | undefined {
  if (namedBy === undefined) {
    return 'no manifest names it, so its input will be read again and written a second time';
  }
  if (namedBy.state === 'rolled-back') {
    return `checkpoint ${namedBy.id} is ${namedBy.state}, so its input was read again`;
  }
  return (
    standing(others, 'absent', 'has lost this epoch, and would stay behind') ??
    standing(others, 'unknown', 'does not say where it stands')
  );
}

/** Why it should not be rolled back; undefined when nothing speaks against it. */
export function againstRollback({ namedBy, others }: PreparedOutput): string | undefined {
  if (namedBy === undefined) return undefined;
  if (namedBy.state === 'rolled-back') return undefined;
  if (namedBy.state === 'complete') {
    return `checkpoint ${namedBy.id} is complete, so its input will not be read again`;
  }
  return (
    standing(
      others,
      'committed',
      'has committed this epoch, so this output will not be written here again',
    ) ?? standing(others, 'unknown', 'does not say where it stands')
  );
}

function standing(
  others: ReadonlyMap<string, Standing>,
  wanted: Standing,
  what: string,
): string | undefined {
  const found = [...others].find(([, stands]) => stands === wanted);
  return found && `sink ${found[0]} ${what}`;
}

async function evidenceFor(
  sink: string,
  handle: string,
  request: InspectRequest,
): Promise<Pick<PreparedOutput, 'namedBy' | 'others'>> {
  const { listings, participants } = request;
  const twoPhase = new Set(
    [...participants.sinks].filter(([, one]) => isTwoPhase(one)).map(([name]) => name),
  );
  for (const { id, state, manifest } of listings) {
    if (manifest === undefined || handleOf(manifest, sink) !== handle) continue;
    const others = new Map<string, Standing>();
    for (const name of sinksToCommit(manifest)) {
      const isFlushed = !twoPhase.has(name) && handleOf(manifest, name) === undefined;
      // A sink without two phases was flushed before the manifest was made: it says nothing here.
      if (name === sink || isFlushed) continue;
      others.set(name, await standingOf(name, manifest, request));
    }
    return { namedBy: { id, epoch: manifest.epoch, state }, others };
  }
  return { namedBy: undefined, others: new Map() };
}

async function standingOf(
  sink: string,
  manifest: CheckpointManifest,
  { inspectors, ask }: InspectRequest,
): Promise<Standing> {
  if (statusOf(manifest, sink).kind === 'committed') return 'committed';
  const inspector = inspectors.get(sink);
  if (inspector === undefined) return 'unknown';
  const checkpointId = toCheckpointId(manifest.checkpointId);
  const handle = handleOf(manifest, sink);
  const answer = await ask(`inspecting sink ${sink}`, (signal): Promise<Inspection> =>
    inspector.inspect({ checkpointId, handle }, { signal }),
  );
  return answer === 'unsupported' ? 'unknown' : answer;
}
