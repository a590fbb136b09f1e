// The recovery table: numbered rows, patterns over the columns, first match wins. Pure data.

import type { ErrorCode, TidegateError } from '../errors.js';
import type { Column, Columns, ColumnValue } from './columns.js';
import type { CheckpointId, Epoch } from '../ids.js';
import type { ReadableCheckpoint } from './candidates.js';

/** What a row decides; `plan.ts` turns it into a plan for the checkpoints at hand. */
export type Decision =
  | { readonly kind: 'halt'; readonly code: ErrorCode }
  | { readonly kind: 'refuse'; readonly code: ErrorCode }
  | { readonly kind: 'fresh' }
  | { readonly kind: 'fall-back' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'roll-forward' }
  | { readonly kind: 'roll-back' };

export interface RecoveryRow {
  readonly number: number;
  /** Tells rows apart that one numbered rule needs; empty where it needs one. */
  readonly variant: '' | 'a' | 'b' | 'c' | 'd';
  readonly label: string;
  /** A column that is not named may have any value. */
  readonly when: { readonly [Name in Column]?: readonly ColumnValue<Name>[] };
  readonly decision: Decision;
}

/** Also the row of whatever ends before there are facts to decide on. */
export const unansweredRow: RecoveryRow = {
  number: 1,
  variant: '',
  label: 'the store or a sink cannot be fenced or did not answer in time',
  when: { answers: ['missing'] },
  decision: { kind: 'halt', code: 'TIDEGATE_RECOVERY_UNANSWERED' },
};

/**
 * The first row whose pattern fits decides. Together the rows fit every combination of facts. Numbers
 * are quoted in reports and stay: 14, a replay that tidegate no longer makes, is not given again.
 */
export const recoveryTable: readonly RecoveryRow[] = [
  unansweredRow,
  {
    number: 2,
    variant: 'a',
    label: 'the store or a sink refuses this owner',
    when: { owner: ['refused'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_SINK_REFUSED' },
  },
  {
    number: 2,
    variant: 'b',
    label: 'N leaves a sink in doubt that is not registered or no longer two-phase',
    when: { owner: ['unknown-sink'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_UNKNOWN_SINK' },
  },
  {
    number: 2,
    variant: 'c',
    label: 'a manifest of an earlier version replaces another one by a replay',
    when: { owner: ['superseding'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_SUPERSEDES' },
  },
  {
    number: 3,
    variant: '',
    label: 'no manifest, and no sink has a marker',
    when: { newest: ['none'], markers: ['none'], occasion: ['start'] },
    decision: { kind: 'fresh' },
  },
  {
    number: 4,
    variant: '',
    label: 'nothing to resume, though something was there',
    when: { newest: ['none', 'nothing-to-resume'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_NOTHING_TO_RESUME' },
  },
  {
    number: 5,
    variant: '',
    label: 'two manifests in doubt, or one below a complete N',
    when: { doubts: ['too-many'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_TWO_IN_DOUBT' },
  },
  {
    number: 6,
    variant: 'a',
    label: 'N was written by a newer version',
    when: { newest: ['newer'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_NEWER_VERSION' },
  },
  {
    number: 6,
    variant: 'b',
    label: 'N corrupt, and no sink is past the newest intact complete checkpoint',
    when: { newest: ['corrupt'], fallback: ['usable'] },
    decision: { kind: 'fall-back' },
  },
  {
    number: 6,
    variant: 'c',
    label: 'N corrupt, and nothing below it is safe to resume',
    when: { newest: ['corrupt'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_CORRUPT' },
  },
  {
    number: 6,
    variant: 'd',
    label: 'N states a number, an id or a size beyond what this program takes',
    when: { newest: ['unsupported'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_BEYOND_LIMITS' },
  },
  {
    number: 7,
    variant: '',
    label: 'N complete',
    when: { newest: ['complete'] },
    decision: { kind: 'resume' },
  },
  {
    number: 8,
    variant: '',
    label: 'a sink in doubt cannot tell, for want of a handle',
    when: { sinks: ['cannot-tell'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_FOREIGN_IN_DOUBT' },
  },
  {
    number: 9,
    variant: '',
    label: 'all sinks have committed N',
    when: { sinks: ['all-committed'] },
    decision: { kind: 'resume' },
  },
  {
    number: 10,
    variant: '',
    label: 'all prepared, in process, in time',
    when: { sinks: ['all-prepared'], occasion: ['in-process'], timeout: ['running'] },
    decision: { kind: 'roll-forward' },
  },
  {
    number: 11,
    variant: 'a',
    label: 'all prepared, policy roll-back',
    when: { sinks: ['all-prepared'], policy: ['roll-back'] },
    decision: { kind: 'roll-back' },
  },
  {
    number: 11,
    variant: 'b',
    label: 'all prepared, policy roll-forward',
    when: { sinks: ['all-prepared'], policy: ['roll-forward'] },
    decision: { kind: 'roll-forward' },
  },
  {
    number: 11,
    variant: 'c',
    label: 'all prepared, policy halt',
    when: { sinks: ['all-prepared'] },
    decision: { kind: 'halt', code: 'TIDEGATE_RECOVERY_POLICY' },
  },
  {
    number: 12,
    variant: 'a',
    label: 'none committed, some absent, policy halt',
    when: { sinks: ['none-committed-some-absent'], policy: ['halt'] },
    decision: { kind: 'halt', code: 'TIDEGATE_RECOVERY_POLICY' },
  },
  {
    number: 12,
    variant: 'b',
    label: 'none committed, some absent',
    when: { sinks: ['none-committed-some-absent'] },
    decision: { kind: 'roll-back' },
  },
  {
    number: 13,
    variant: '',
    label: 'some committed, the rest prepared',
    when: { sinks: ['some-committed-rest-prepared'] },
    decision: { kind: 'roll-forward' },
  },
  {
    number: 15,
    variant: '',
    label: 'some committed, some absent',
    when: { sinks: ['some-committed-some-absent'] },
    decision: { kind: 'refuse', code: 'TIDEGATE_RECOVERY_SPLIT' },
  },
];

export function matches(row: RecoveryRow, columns: Columns): boolean {
  return Object.entries(row.when).every(([name, allowed]) =>
    (allowed as readonly string[]).includes(columns[name as Column]),
  );
}

/** As the documentation and the report name a row: "7", "11b". */
export function rowName(row: Pick<RecoveryRow, 'number' | 'variant'>): string {
  return `${row.number}${row.variant}`;
}

/** What becomes of the checkpoints above the one that is resumed. */
export interface Discards {
  /** In doubt, and discarded. */
  readonly rollBack: readonly ReadableCheckpoint[];
  /** Discarded earlier; saved again, because a mark that was visible may not have been durable. */
  readonly saveAgain: readonly ReadableCheckpoint[];
  /** Cannot be read; renamed so that no later scan meets it. */
  readonly quarantine: readonly CheckpointId[];
}

interface Resuming {
  readonly row: RecoveryRow;
  /** The checkpoint that sources, operators and tables are put back to. */
  readonly resume: ReadableCheckpoint;
  readonly discards: Discards;
  /** Epoch of the next attempt. */
  readonly nextEpoch: Epoch;
}

export type ResumingPlan =
  /** `resume` is complete, or every sink has committed it. */
  | ({ readonly kind: 'resume' } & Resuming)
  /** `resume` is in doubt: these sinks are prepared and commit it, by handle. */
  | ({ readonly kind: 'roll-forward'; readonly commit: ReadonlyMap<string, string> } & Resuming)
  /** `target` is discarded at every sink, then in its manifest. */
  | ({ readonly kind: 'roll-back'; readonly target: ReadableCheckpoint } & Resuming)
  /** A new checkpoint is made of `resume`, above everything there is. */
  | ({
      readonly kind: 'restore';
      /** Epoch of the new checkpoint. */
      readonly restoredEpoch: Epoch;
    } & Resuming);

interface Stopping {
  readonly row: RecoveryRow;
  readonly cause: TidegateError;
}

export type RecoveryPlan =
  | ResumingPlan
  /** Nothing was ever begun: the start checkpoint is written. */
  | { readonly kind: 'fresh'; readonly row: RecoveryRow }
  /** A human is needed. `halt`: it may settle by itself; `refuse`: it will not. */
  | ({ readonly kind: 'refuse' } & Stopping)
  | ({ readonly kind: 'halt' } & Stopping);
