// An operator whose state is by key: captured, saved and put back in one way for all of them.

import { isOtherVersion, migratedValue, type StateVersion } from '../../contracts/migration.js';
import { haveSameSettings, savedDefinition } from '../../contracts/operator-definition.js';
import type {
  Operator,
  OperatorDefinition,
  OperatorRestoreOptions,
  OperatorSnapshot,
} from '../../contracts/operator.js';
import type { SavedDefinition } from '../../manifest/types.js';
import type { Clock } from '../../runtime/clock.js';
import type { BarrierMark } from '../flow/elements.js';
import { decodeState } from './decode-state.js';
import { KeyedState } from './keyed-state.js';
import { TidegateError } from '../../errors.js';
import { exactJson } from '../../exact-json.js';

/** What an operator is, as its user has declared it. */
export interface OperatorIdentity {
  readonly definition: OperatorDefinition;
  readonly stateVersion: StateVersion;
}

/** What an operator is given when a run is prepared. */
export interface OperatorSettings {
  readonly vnodeCount: number;
  readonly clock: Clock;
  /** Whether the same input gives the same output here, as far as the pipeline can tell. */
  readonly isDeterministic: boolean;
  /** Of a stateful operator. */
  readonly identity?: OperatorIdentity;
}

/** How state of another version becomes the operator's own. */
export interface LayoutMigration {
  /** Kinds of operators whose entries it can read. */
  readonly kinds: readonly string[];
  /** Whether the settings may be others than those that the state was saved with. */
  readonly mayChangeSettings: boolean;
  /** The members of an entry as this operator would save them, with each value converted. */
  readonly members: (
    members: readonly unknown[],
    convert: ConvertValue,
    saved: SavedDefinition,
  ) => readonly unknown[];
}

type ConvertValue = (value: unknown, side?: 'left' | 'right') => unknown;

/** How one kind of operator keeps its entries, and what it keeps beside them. */
export interface KeyedLayout<Value> {
  /** Of an entry, as JSON can hold it. */
  readonly members: (value: Value) => readonly unknown[];
  /** The same back; the first member is the key. */
  readonly value: (members: readonly unknown[]) => Value;
  /** Facts of the operator as a whole, at this moment. */
  readonly header?: () => Readonly<Record<string, unknown>>;
  /** The same back; without one, in a reset, the initial facts. */
  readonly takeHeader?: (header: Readonly<Record<string, unknown>> | undefined) => void;
  readonly migration?: LayoutMigration;
  /** Every entry is there again. */
  readonly restored?: (state: KeyedState<Value>) => void;
}

export class KeyedOperator<Value> implements Operator {
  readonly name: string;
  readonly deterministic: boolean;
  readonly state: KeyedState<Value>;
  readonly definition?: OperatorDefinition;
  readonly #stateVersion: StateVersion;
  readonly #layout: KeyedLayout<Value>;
  readonly #clock: Clock;

  constructor(name: string, settings: OperatorSettings, layout: KeyedLayout<Value>) {
    this.name = name;
    this.deterministic = settings.isDeterministic;
    if (settings.identity !== undefined) this.definition = settings.identity.definition;
    this.#stateVersion = settings.identity?.stateVersion ?? {};
    this.#layout = layout;
    this.#clock = settings.clock;
    this.state = new KeyedState(name, settings.vnodeCount, (key, value) =>
      entryLine(name, key, layout.members(value)),
    );
  }

  capture(): OperatorSnapshot {
    return this.state.capture(this.#layout.header?.() ?? {}, this.#clock);
  }

  migratesFrom(saved: SavedDefinition): boolean {
    const { migration } = this.#layout;
    if (migration === undefined || this.#stateVersion.migrate === undefined) return false;
    if (!migration.kinds.includes(saved.kind)) return false;
    return migration.mayChangeSettings || haveSameSettings(saved, savedDefinition(this));
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    { saved }: Partial<OperatorRestoreOptions> = {},
  ): Promise<void> {
    const { state } = this;
    this.reset();
    await decodeState(chunks, {
      operator: this.name,
      vnodeCount: state.vnodeCount,
      header: (header) => this.#layout.takeHeader?.(header),
      entry: (key, members) => {
        state.add(key, this.#layout.value(this.#migrated(key, members, saved)));
      },
    });
    this.#layout.restored?.(state);
  }

  #migrated(
    key: string,
    members: readonly unknown[],
    saved: SavedDefinition | undefined,
  ): readonly unknown[] {
    const stateVersion = this.#stateVersion;
    const { migration } = this.#layout;
    if (migration === undefined || !isOtherVersion(stateVersion, saved)) return members;
    const convert: ConvertValue = (value, side) => {
      const from = side === undefined ? { key } : { key, side };
      return migratedValue(this.name, stateVersion, saved, value, from);
    };
    return migration.members(members, convert, saved);
  }

  reset(): void {
    this.state.clear();
    this.#layout.takeHeader?.(undefined);
  }
}

/** The barrier has come: the state goes to the coordinator before any later record is seen. */
export function captureAt(mark: BarrierMark, name: string, operator: Operator): void {
  const { barrier, listener } = mark;
  try {
    listener.operatorReached(barrier, name, operator.capture());
  } catch (error) {
    listener.failed(barrier, `operator ${name}`, error);
  }
}

/** @throws TidegateError `TIDEGATE_STATE_NOT_JSON`, naming operator, key and member. */
function entryLine(operator: string, key: string, members: readonly unknown[]): string {
  const json = exactJson(members, { undefinedMembers: 'absent' });
  if (json.kind === 'text') return withKey(key, json.text);
  throw new TidegateError(
    'TIDEGATE_STATE_NOT_JSON',
    `the state of operator ${operator} for key ${JSON.stringify(key)} cannot be saved as JSON: ${json.loss}`,
    { details: { operator } },
  );
}

/** The text of an array with one more element before the others. */
function withKey(key: string, members: string): string {
  return `[${JSON.stringify(key)}${members === '[]' ? '' : ','}${members.slice(1)}`;
}
