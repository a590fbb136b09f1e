// `tidegate plan`: what recovery would do now, and why, without doing any of it.

import { checkpointId, type CheckpointId } from '../../ids.js';
import { planOnly, type DryRun } from '../../recovery/dry-run.js';
import { renderReport } from '../../recovery/report.js';
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
  /** `source=id`: may give up input that is gone behind that checkpoint. */
  readonly acceptLostInput?: readonly string[];
}

export async function plan(
  module: string,
  options: PlanOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  const { restore } = options;
  const acceptDuplicatesIn = accepted('--accept-duplicates-in', options.acceptDuplicatesIn);
  const acceptLostInput = accepted('--accept-lost-input', options.acceptLostInput);
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
      const asked = { ...question, store: reader, pipeline, restoreFrom };
      const given = { ...connected.acceptLostInput, ...acceptLostInput };
      return await planOnly({ ...asked, acceptLostInput: given });
    } finally {
      await reader.close();
    }
  });
  signal.throwIfAborted();
  if (options.json) terminal.printDocument(toJsonText(asJson(dryRun)));
  else terminal.print(...renderReport(dryRun.report).split('\n'), ...remedyOf(dryRun));
  return 'cause' in dryRun.plan ? exitCodes.findings : exitCodes.fine;
}

function accepted(
  flag: string,
  texts: readonly string[] = [],
): Readonly<Record<string, CheckpointId>> {
  return Object.fromEntries(texts.map((text) => parseAccepted(flag, text)));
}

function parseAccepted(flag: string, text: string): readonly [name: string, id: CheckpointId] {
  const at = text.lastIndexOf('=');
  const choice = at === -1 ? undefined : parseChoice(text.slice(at + 1));
  if (choice?.kind === 'id') return [text.slice(0, at), checkpointId(choice.id)];
  throw new UsageError(`${flag} takes NAME=ID, not ${JSON.stringify(text)}`);
}

function remedyOf({ plan: found }: DryRun): readonly string[] {
  return 'cause' in found ? [`  to do     ${found.cause.remedy}`] : [];
}

function asJson({ plan: found, report }: DryRun): Jsonable {
  const { row, decision, isDryRun, examined, resumed, skipped, sinks, lostInput, warnings } =
    report;
  return {
    kind: found.kind,
    row: { number: row.number, variant: row.variant, label: row.label },
    decision,
    isDryRun,
    examined,
    resumed: resumed === undefined ? undefined : { ...resumed },
    skipped: skipped.map((entry) => ({ ...entry })),
    sinks: sinks.map((entry) => ({ ...entry })),
    lostInput,
    warnings,
    ...('cause' in found ? problemAsJson(found.cause) : {}),
  };
}
