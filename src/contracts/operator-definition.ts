// Definitions of operators, as manifests hold them.

import type { SavedDefinition } from '../manifest/types.js';
import type { Operator } from './operator.js';

/** Of an operator that a user wrote and gave no definition. */
const customKind = 'custom';

export function savedDefinition({ definition }: Pick<Operator, 'definition'>): SavedDefinition {
  const { kind = customKind, version, settings = {} } = definition ?? {};
  return {
    kind,
    ...(version === undefined ? {} : { version: String(version) }),
    settings: new Map(
      Object.entries(settings)
        .map(([name, value]) => [name, String(value)] as const)
        .sort(([left], [right]) => (left < right ? -1 : 1)),
    ),
  };
}

/** By operator name. */
export function savedDefinitions(
  operators: ReadonlyMap<string, Operator>,
): ReadonlyMap<string, SavedDefinition> {
  return new Map([...operators].map(([name, operator]) => [name, savedDefinition(operator)]));
}

export function haveSameSettings(
  { settings: left }: SavedDefinition,
  { settings: right }: SavedDefinition,
): boolean {
  return left.size === right.size && [...left].every(([name, value]) => right.get(name) === value);
}

/** Such as `window (everyMs 10, sizeMs 10), version 2`. */
export function definitionText({ kind, version, settings }: SavedDefinition): string {
  const members = [...settings].map(([name, value]) => `${name} ${value}`).join(', ');
  const what = members === '' ? kind : `${kind} (${members})`;
  return version === undefined ? what : `${what}, version ${version}`;
}
