// Whether saved state may be loaded by the operator that has its name now. Pure.

import {
  definitionText,
  haveSameSettings,
  savedDefinition,
} from '../contracts/operator-definition.js';
import type { Operator } from '../contracts/operator.js';
import type { CheckpointManifest, SavedDefinition } from '../manifest/types.js';

/** What there is to compare of an operator. */
export type OperatorShape = Pick<Operator, 'definition' | 'migratesFrom'>;

/**
 * Undefined when the operator may load its state. A manifest of an earlier release, or of another
 * program, says nothing about it: then it may.
 */
export function definitionProblem(
  manifest: CheckpointManifest,
  name: string,
  shape: OperatorShape,
): string | undefined {
  const saved = manifest.tidegate?.operatorDefinitions?.get(name);
  if (saved === undefined) return undefined;
  const now = savedDefinition(shape);
  const hasSameVersion = saved.version === now.version;
  if (hasSameVersion && saved.kind === now.kind && haveSameSettings(saved, now)) return undefined;
  const isDowngrade = isNewer(saved.version, now.version);
  const canMigrate = shape.migratesFrom?.(saved) ?? false;
  if (!hasSameVersion && !isDowngrade && canMigrate) return undefined;
  return (
    `its state of operator ${name} is of ${definitionText(saved)}, and the operator is now ` +
    `${definitionText(now)}: ${wayOut(saved, now, isDowngrade)}; or give the operator a new name`
  );
}

function wayOut(saved: SavedDefinition, now: SavedDefinition, isDowngrade: boolean): string {
  const before = 'start with the definition that saved it';
  if (isDowngrade) return `${before}, which is newer`;
  if (saved.version === now.version) {
    return `${before}, or give it another version and a migrate(oldValue, fromVersion)`;
  }
  return saved.kind === now.kind && haveSameSettings(saved, now)
    ? `${before}, or give it a migrate(oldValue, fromVersion)`
    : `${before}; there is no migrate() from the one to the other`;
}

/** Whole numbers have an order; state that has a number is newer than an operator that has none. */
function isNewer(saved: string | undefined, now: string | undefined): boolean {
  if (saved === undefined || !wholeNumber.test(saved)) return false;
  if (now === undefined) return true;
  return wholeNumber.test(now) && BigInt(saved) > BigInt(now);
}

const wholeNumber = /^\d{1,40}$/;
