// `tidegate plan`: what recovery would do now, and why, without doing any of it.

import { checkpointId, type CheckpointId } from '../../ids.js';
import { planOnly, type DryRun } from '../../recovery/dry-run.js';
import { renderReport } from '../../recovery/render-report.js';
import { withConnection, type ConnectOptions } from '../connection.js';
import type { CommonOptions, Context } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText, type Jsonable } from '../json-output.js';
import { problemAsJson, UsageError } from '../problems.js';
import { choose, parseChoice } from '../store-access.js';

export interface PlanOptions extends CommonOptions, ConnectOptions {
  /** Plans going back to this checkpoint instead of resuming the newest. */
  readonly restore?: string;
  /** `sink=id`: may get a second time what it has up to that checkpoint; only for a restore. */
  readonly acceptDuplicatesIn?: readonly string[];
}

export async function plan(
  module: string,
  options: PlanOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  const { restore } = options;
  const acceptDuplicatesIn = Object.fromEntries(
    (options.acceptDuplicatesIn ?? []).map(parseAccepted),
  );
  if (restore === undefined && options.acceptDuplicatesIn !== undefined) {
    throw new UsageError('--accept-duplicates-in only makes sense with --restore');
  }
  const choice = restore === undefined ? undefined : parseChoice(restore);
  const dryRun = await withConnection(module, options, context, async (connected) => {
    const reader = await connected.store.openReadOnly({ signal });
    try {
      const { pipeline, question } = connected;
      const chosen =
        choice === undefined ? undefined : choose(await reader.list({ signal }), choice).id;
      const restoreFrom =
        chosen === undefined ? undefined : { checkpointId: chosen, acceptDuplicatesIn };
      return await planOnly({ ...question, store: reader, pipeline, restoreFrom });
    } finally {
      await reader.close();
    }
  });
  signal.throwIfAborted();
  if (options.json) terminal.printDocument(toJsonText(asJson(dryRun)));
  else terminal.print(...renderReport(dryRun.report).split('\n'), ...remedyOf(dryRun));
  return 'cause' in dryRun.plan ? exitCodes.findings : exitCodes.fine;
}

function parseAccepted(text: string): readonly [sink: string, newest: CheckpointId] {
  const at = text.lastIndexOf('=');
  const choice = at === -1 ? undefined : parseChoice(text.slice(at + 1));
  if (choice?.kind === 'id') return [text.slice(0, at), checkpointId(choice.id)];
  throw new UsageError(`--accept-duplicates-in takes SINK=ID, not ${JSON.stringify(text)}`);
}

function remedyOf({ plan: found }: DryRun): readonly string[] {
  return 'cause' in found ? [`  to do     ${found.cause.remedy}`] : [];
}

function asJson({ plan: found, report }: DryRun): Jsonable {
  const { row, decision, isDryRun, examined, resumed, skipped, sinks, warnings } = report;
  return {
    kind: found.kind,
    row: { number: row.number, variant: row.variant, label: row.label },
    decision,
    isDryRun,
    examined,
    resumed: resumed === undefined ? undefined : { ...resumed },
    skipped: skipped.map((entry) => ({ ...entry })),
    sinks: sinks.map((entry) => ({ ...entry })),
    warnings,
    ...('cause' in found ? problemAsJson(found.cause) : {}),
  };
}
