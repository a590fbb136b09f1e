// `tidegate in-doubt`: what every sink has prepared, with evidence, and a person's word on one of it.

import type { SinkInspector, TwoPhaseSink } from '../../contracts/sink.js';
import { isTwoPhase } from '../../contracts/sink.js';
import { storeId as toStoreId } from '../../ids.js';
import type { StoreReader } from '../../store/checkpoint-store.js';
import { askBounded } from '../ask-bounded.js';
import { closeBounded } from '../close-bounded.js';
import { stateText } from '../checkpoint-text.js';
import { withConnection, type Connected, type ConnectOptions } from '../connection.js';
import type { CommonOptions, Context } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText, type Jsonable } from '../json-output.js';
import {
  againstCommit,
  againstRollback,
  preparedOutputs,
  type PreparedOutput,
} from '../prepared-output.js';
import { UsageError } from '../problems.js';
import { table, toned } from '../table.js';
import type { Line, Text } from '../terminal.js';
import { formatAge } from '../units.js';
import { decideByHand } from './decide-by-hand.js';

export interface InDoubtOptions extends CommonOptions, ConnectOptions {
  readonly reason?: string;
  readonly force?: boolean;
}

export interface InDoubtArguments {
  readonly module: string;
  readonly action: 'commit' | 'rollback' | undefined;
  readonly sink: string | undefined;
  readonly handle: string | undefined;
}

export async function inDoubt(
  { module, action, sink, handle }: InDoubtArguments,
  options: InDoubtOptions,
  context: Context,
): Promise<ExitCode> {
  if (action === undefined) {
    return withConnection(module, options, context, (connected) =>
      listPrepared(connected, options, context),
    );
  }
  if (sink === undefined || handle === undefined) {
    throw new UsageError(`${action} needs a sink and a handle, as the list shows them`);
  }
  const reason = options.reason?.trim() ?? '';
  if (reason === '') {
    throw new UsageError(`${action} needs --reason: it is recorded before anything is done`);
  }
  const wish = { action, sink, handle, reason, isForced: options.force === true };
  return withConnection(module, options, context, (connected) =>
    decideByHand(connected, wish, options, context),
  );
}

async function listPrepared(
  connected: Connected,
  options: InDoubtOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal, signal, clock } = context;
  const { participants } = connected.question;
  const ask = askBounded(options, context);
  const reader = await connected.store.openReadOnly({ signal });
  const inspectors = new Map<string, SinkInspector>();
  try {
    for (const [name, sink] of participants.sinks) {
      if (!isTwoPhase(sink)) continue;
      const opening = openInspector(connected, reader, name, sink);
      inspectors.set(name, await ask(`opening sink ${name}`, opening));
    }
    const listings = await reader.list({ signal });
    const outputs = await preparedOutputs({ listings, participants, inspectors, ask });
    if (options.json) {
      terminal.printDocument(toJsonText({ prepared: outputs.map(asJson) }));
    } else if (outputs.length === 0) {
      terminal.note('no sink has anything prepared');
    } else {
      terminal.print(...lines(outputs, clock.now()));
      terminal.note('nothing was fenced: an owner that is alive may settle this by itself');
    }
  } finally {
    await closeBounded(inspectors, reader, options, context);
  }
  return exitCodes.fine;
}

function openInspector(
  { pipeline }: Connected,
  reader: StoreReader,
  name: string,
  sink: TwoPhaseSink,
): (signal: AbortSignal) => Promise<SinkInspector> {
  // A store that tidegate never owned has no id; no sink can remember this one.
  const storeId = reader.storeId ?? toStoreId('none');
  const identity = { storeId, pipeline: reader.pipeline ?? pipeline, sink: name };
  return (signal) => sink.openReadOnly(identity, { signal });
}

function lines(outputs: readonly PreparedOutput[], nowMs: number): readonly Line[] {
  const titles = ['SINK', 'HANDLE', 'AGE', 'CHECKPOINT', 'STATE', 'EVIDENCE'];
  const rows = outputs.map((output): readonly Text[] => {
    const { sink, handle, preparedAtMs, namedBy } = output;
    return [
      sink,
      handle,
      preparedAtMs === undefined ? '-' : formatAge(preparedAtMs, nowMs),
      namedBy === undefined ? '-' : `${namedBy.id} (epoch ${namedBy.epoch})`,
      namedBy === undefined ? '-' : stateText(namedBy.state),
      evidenceText(output),
    ];
  });
  return table([titles.map((title) => toned('strong', title)), ...rows]);
}

function evidenceText(output: PreparedOutput): string {
  const others = [...output.others].map(([sink, stands]) => `${sink} ${stands}`);
  const facts = output.namedBy === undefined ? ['named by no manifest'] : others;
  const verdicts = [
    againstCommit(output) === undefined ? 'may be committed' : 'must not be committed',
    againstRollback(output) === undefined ? 'may be rolled back' : 'must not be rolled back',
  ];
  return [...facts, ...verdicts].join(', ');
}

function asJson(output: PreparedOutput): Jsonable {
  const { sink, handle, preparedAtMs, namedBy, others } = output;
  return {
    sink,
    handle,
    preparedAtMs,
    checkpoint: namedBy,
    others,
    againstCommit: againstCommit(output) ?? null,
    againstRollback: againstRollback(output) ?? null,
  };
}
