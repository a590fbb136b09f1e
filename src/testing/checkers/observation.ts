// What the checkers look at: the outside of a run, never the code that made it.

import type { Durability } from '../../contracts/sink.js';
import type { CheckpointManifest } from '../../manifest/types.js';

/**
 * `completed` the input came to its end; `refused` recovery said that a human is needed, which is
 * right only after a disaster.
 */
export type Ending = 'completed' | 'refused';

/** What one sink holds after a run. */
export interface ObservedSink {
  readonly name: string;
  readonly durability: Durability;
  /** Everything that is visible at the end, in the order in which it became visible. */
  readonly visible: readonly unknown[];
  /** What a run without any fault leaves. */
  readonly expected: readonly unknown[];
  /** `key`: records of different keys may overtake each other. Default `input`. */
  readonly order?: 'input' | 'key';
  /** How many epochs are still prepared, if the last process knew the sink. */
  readonly preparedCount: number;
}

/** What happened at the ports, in order. */
export type HistoryEvent =
  /** A process (a life) became the owner of the store under this generation. */
  | { readonly kind: 'opened'; readonly life: number; readonly generation: number }
  /** A scan of the store answered: these manifests are there. */
  | {
      readonly kind: 'scanned';
      readonly generation: number;
      readonly manifests: readonly CheckpointManifest[];
    }
  | { readonly kind: 'allocated'; readonly generation: number; readonly id: number }
  /** A save was begun; it may not have come to anything. */
  | {
      readonly kind: 'saving';
      readonly generation: number;
      readonly manifest: CheckpointManifest;
    }
  /** A save answered: the manifest is durable. */
  | { readonly kind: 'saved'; readonly generation: number; readonly manifest: CheckpointManifest }
  /** A disaster put another store in the place of this one: what it had given out is forgotten. */
  | { readonly kind: 'store-replaced' }
  /** A source was allowed to forget everything before record number `next`. */
  | { readonly kind: 'acknowledged'; readonly source: string; readonly next: number };

/** What a run has left behind, for the checkers. */
export interface Observation {
  readonly ending: Ending;
  /** Whether a refusal would be right: something was lost for good, or was silent for long. */
  readonly disaster: boolean;
  readonly sinks: readonly ObservedSink[];
  readonly history: readonly HistoryEvent[];
}

/** A promise that was broken, and by what it shows. */
export interface Violation {
  /** The rule that was broken, as a sentence. */
  readonly rule: string;
  /** What was seen instead. */
  readonly seen: string;
}

/** A rule: no violations when it holds. */
export type Checker = (observation: Observation) => readonly Violation[];

/** What a sink of a class can be held to: the promise of the pipeline, sink by sink. */
export type Guarantee = 'exactly once' | 'effectively once' | 'at least once';

export function guaranteeOf(durability: Durability): Guarantee {
  switch (durability) {
    case 'durable':
    case 'last-resource':
      return 'exactly once';
    case 'idempotent':
      return 'effectively once';
    case 'at-least-once':
      return 'at least once';
  }
}

/** Records are compared by their JSON text. */
export function textOf(record: unknown): string {
  return JSON.stringify(record);
}

/** The member `key` of a record, or the whole record. */
export function keyOf(record: unknown): string {
  if (typeof record !== 'object' || record === null || !('key' in record)) return textOf(record);
  return textOf(record.key);
}

/** How often each record occurs. */
export function countByText(records: readonly unknown[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const record of records) {
    const text = textOf(record);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}
