// Saved values of an earlier version of an operator, made into those of the present one.

import { TidegateError, toError } from '../errors.js';
import { kindOf } from '../given.js';
import { exactJson } from '../exact-json.js';
import type { SavedDefinition } from '../manifest/types.js';

/** Where a value stood in the saved state. */
export interface MigratedFrom {
  /** Empty for state that is not by key. */
  readonly key: string;
  /** Of a record that waits in a join. */
  readonly side?: 'left' | 'right';
}

/** What a user declares about saved state. */
export interface StateVersion {
  /** Part of the pipeline's hash: change it when the meaning of the state changes. Default: none. */
  readonly version?: string | number;
  /**
   * Makes a value of the state that another version has saved into one of this version: called for
   * each value, when state is restored whose version is another one. State of a higher number is refused.
   *
   * @param fromVersion As a number where `version` is one; undefined when none was declared.
   */
  readonly migrate?: (
    oldValue: never,
    fromVersion: string | number | undefined,
    from: MigratedFrom,
  ) => unknown;
}

type MigrateFunction = (
  oldValue: unknown,
  fromVersion: string | number | undefined,
  from: MigratedFrom,
) => unknown;

/** @throws TidegateError `TIDEGATE_OPERATOR_MIGRATION` when `migrate` throws, or gives what JSON cannot hold. */
export function migratedValue(
  operator: string,
  stateVersion: StateVersion,
  saved: SavedDefinition,
  value: unknown,
  from: MigratedFrom,
): unknown {
  const result = callMigrate(operator, stateVersion, saved, value, from);
  const json = exactJson(result, { undefinedMembers: 'absent' });
  if (json.kind === 'text') return result;
  throw failed(operator, saved, from, `its result cannot be saved as JSON: ${json.loss}`);
}

/** @throws TidegateError `TIDEGATE_OPERATOR_MIGRATION` when `migrate` throws, or gives no bytes. */
export function migratedBytes(
  operator: string,
  stateVersion: StateVersion,
  saved: SavedDefinition,
  bytes: Uint8Array,
): Uint8Array {
  const from = { key: '' };
  const result = callMigrate(operator, stateVersion, saved, bytes, from);
  if (result instanceof Uint8Array) return result;
  throw failed(operator, saved, from, `its result is ${kindOf(result)}, not bytes`);
}

function callMigrate(
  operator: string,
  { version, migrate }: StateVersion,
  saved: SavedDefinition,
  value: unknown,
  from: MigratedFrom,
): unknown {
  if (migrate === undefined) return value;
  const number = Number(saved.version);
  const isNumber = typeof version === 'number' && saved.version !== undefined;
  const fromVersion = isNumber && Number.isSafeInteger(number) ? number : saved.version;
  try {
    return (migrate as MigrateFunction)(value, fromVersion, from);
  } catch (error) {
    throw failed(operator, saved, from, toError(error).message, error);
  }
}

/** What is wrong with what a user has declared: undefined when nothing is. */
export function stateVersionProblem({ version, migrate }: StateVersion): string | undefined {
  const isWhole = typeof version === 'number' && Number.isSafeInteger(version) && version >= 0;
  const isText = typeof version === 'string' && version !== '';
  if (version !== undefined && !isWhole && !isText) {
    const shown = typeof version === 'number' ? String(version) : kindOf(version);
    return `has the version ${shown}, not a text or a whole number from 0`;
  }
  if (migrate === undefined) return undefined;
  if (typeof migrate !== 'function') return `has a migrate that is ${kindOf(migrate)}`;
  return version === undefined ? 'has a migrate() and no version: it is never called' : undefined;
}

/** Whether values have to be migrated: once for each restore of state of another version. */
export function isOtherVersion(
  { version }: StateVersion,
  saved: SavedDefinition | undefined,
): saved is SavedDefinition {
  if (saved === undefined) return false;
  return saved.version !== (version === undefined ? undefined : String(version));
}

function failed(
  operator: string,
  { version = 'none' }: SavedDefinition,
  { key }: MigratedFrom,
  why: string,
  cause?: unknown,
): TidegateError {
  const where = key === '' ? '' : ` for key ${JSON.stringify(key)}`;
  return new TidegateError(
    'TIDEGATE_OPERATOR_MIGRATION',
    `migrate of operator ${operator}, from version ${version}, failed${where}: ${why}`,
    { cause, details: { operator } },
  );
}
