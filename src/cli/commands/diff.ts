// `tidegate diff`: what changed between two checkpoints.

import type { CheckpointListing } from '../../store/checkpoint-store.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import type { Context, StoreOptions } from '../context.js';
import { diffManifests, type Change } from '../diff-manifests.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText } from '../json-output.js';
import { CommandError } from '../problems.js';
import { choose, openReader, parseChoice } from '../store-access.js';
import { table, toned } from '../table.js';
import type { Line } from '../terminal.js';

export interface DiffOptions extends StoreOptions {
  /** Ends with 1 when there are changes, as `git diff --exit-code` does. */
  readonly exitCode?: boolean;
}

export async function diff(
  ids: { readonly before: string; readonly after: string },
  options: DiffOptions,
  context: Context,
): Promise<ExitCode> {
  const choices = [parseChoice(ids.before), parseChoice(ids.after)] as const;
  const { reader } = await openReader(options, context);
  const listings = await reader.list({ signal: context.signal });
  const before = choose(listings, choices[0]);
  const after = choose(listings, choices[1]);
  const changes = diffManifests(readable(before), readable(after));
  report({ before, after, changes }, options, context);
  return options.exitCode && changes.length > 0 ? exitCodes.findings : exitCodes.fine;
}

function readable({ id, manifest, problem }: CheckpointListing): CheckpointManifest {
  if (manifest !== undefined) return manifest;
  const why = problem?.message ?? 'it has none';
  throw new CommandError(`the manifest of checkpoint ${id} cannot be read: ${why}`);
}

interface Difference {
  readonly before: CheckpointListing;
  readonly after: CheckpointListing;
  readonly changes: readonly Change[];
}

function report(
  { before, after, changes }: Difference,
  { json }: DiffOptions,
  { terminal }: Context,
): void {
  if (json) {
    const entries = changes.map(({ section, name, before: was, after: is }) => ({
      section,
      name,
      before: was ?? null,
      after: is ?? null,
    }));
    terminal.printDocument(toJsonText({ before: before.id, after: after.id, changes: entries }));
    return;
  }
  terminal.print(...changeLines(changes));
  if (changes.length === 0) {
    terminal.note(`nothing differs between checkpoints ${before.id} and ${after.id}`);
  }
}

function changeLines(changes: readonly Change[]): readonly Line[] {
  const sections = [...new Set(changes.map(({ section }) => section))];
  return sections.flatMap((section): readonly Line[] => [
    [toned('strong', section)],
    ...table(
      changes
        .filter((change) => change.section === section)
        .map(({ name, before, after, note }) => [
          name,
          [before ?? 'none', after ?? 'none'].join(' -> ') +
            (note === undefined ? '' : ` (${note})`),
        ]),
      { indent: '  ' },
    ),
  ]);
}
