// Every field of two manifests, name by name: what a summary for people leaves out must show all the same. Pure.

import { WriteContext } from '../manifest/json/codec.js';
import { printCanonical } from '../manifest/json/print.js';
import { isJsonObject, type JsonValue } from '../manifest/json/value.js';
import { excerpt, formatPath } from '../manifest/manifest-error.js';
import { manifestCodec } from '../manifest/schema.js';
import type { CheckpointManifest } from '../manifest/types.js';

/** A field that is not the same; undefined where it is missing. */
export interface FieldChange {
  readonly path: readonly string[];
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** As the JSON says it, unknown members included; a list is one field. */
export function changedFields(
  before: CheckpointManifest,
  after: CheckpointManifest,
): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  collect([], jsonOf(before), jsonOf(after), changes);
  return changes;
}

/** A path as the JSON names it, such as `source_offsets["orders"].epoch`. */
export function fieldName({ path }: FieldChange): string {
  return formatPath(path);
}

/** A value for a line: never so long that it hides the rest. */
export function fieldText(value: string | undefined): string | undefined {
  return value === undefined ? undefined : excerpt(value);
}

function jsonOf(manifest: CheckpointManifest): JsonValue {
  return manifestCodec.write(manifest, new WriteContext('canonical'));
}

function collect(
  path: readonly string[],
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  changes: FieldChange[],
): void {
  const was = membersOf(before);
  const is = membersOf(after);
  if (was === undefined && is === undefined) {
    const [wasText, isText] = [textOf(before), textOf(after)];
    if (wasText !== isText) changes.push({ path, before: wasText, after: isText });
    return;
  }
  // One side has members and the other a value of its own, which no member shows.
  if ([before, after].some((value) => value !== undefined && !isJsonObject(value))) {
    changes.push({ path, before: textOf(before), after: textOf(after) });
    return;
  }
  for (const name of [...new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])].sort()) {
    collect([...path, name], was?.get(name), is?.get(name), changes);
  }
}

/** Undefined for what is one value: an object without members, too. */
function membersOf(value: JsonValue | undefined): ReadonlyMap<string, JsonValue> | undefined {
  if (value === undefined || !isJsonObject(value) || value.size === 0) return undefined;
  return value;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : printCanonical(value);
}
