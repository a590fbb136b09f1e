// The events of a coordinator: a typed map; listeners only observe.

import { EventEmitter } from 'eventemitter3';
import type { SourceBack, SourceWaiting, TroubledRecords } from '../contracts/barrier.js';
import type { CommitOutcome } from '../contracts/sink.js';
import type { CheckpointId, Epoch, Generation } from '../ids.js';
import type { CheckpointKind } from '../manifest/types.js';
import type { RecoveryReport } from '../recovery/request.js';
import type { Logger } from '../runtime/logger.js';
import type { AttemptCause, DroppedReport, StepName } from './checkpoint/outcome.js';

/** By which an attempt is named in events. */
export interface AttemptIds {
  readonly checkpointId: CheckpointId;
  readonly epoch: Epoch;
}

/** An attempt has begun, and what asked for it. */
export interface AttemptStarted extends AttemptIds {
  readonly generation: Generation;
  readonly kind: CheckpointKind;
  readonly label: string | undefined;
}

/** A step of an attempt has begun. */
export interface StepStarted extends AttemptIds {
  readonly step: StepName;
  /** 1 to 7. */
  readonly number: number;
}

/** A step of an attempt has ended, and how long it took. */
export interface StepEnded extends StepStarted {
  readonly durationMs: number;
  /** `cut-short`: the bound, or the end of the generation, came first. */
  readonly outcome: 'done' | 'failed' | 'cut-short';
  /** Bytes of state encoded in step 2, of sidecar written in step 4. */
  readonly byteLength?: number;
}

/** A sink has committed a checkpoint. */
export interface SinkCommitted extends AttemptIds {
  readonly sink: string;
  readonly outcome: Exclude<CommitOutcome, 'absent'>;
  readonly tries: number;
}

/** A sink has not committed; it is asked again. */
export interface SinkNotCommitted extends AttemptIds {
  readonly sink: string;
  /** One line of at most 200 characters, as the manifest will have it; the error is logged. */
  readonly message: string;
  readonly tries: number;
}

/** A checkpoint is complete: every sink has committed it. */
export interface CheckpointCompleted extends AttemptIds {
  readonly kind: CheckpointKind;
  readonly durationMs: number;
}

/** An attempt ended before it was complete, and why. */
export interface AttemptEndedEarly extends AttemptIds {
  readonly cause: AttemptCause;
  readonly durationMs: number;
}

/** A report of a participant that came too late or from an older attempt. */
export interface ReportDropped {
  readonly checkpointId: CheckpointId;
  readonly participant: string;
  readonly why: DroppedReport;
}

/** Every event and what it carries. None of them is asked for an answer. */
export interface CoordinatorEvents {
  'attempt-started': [AttemptStarted];
  'step-started': [StepStarted];
  'step-ended': [StepEnded];
  'sink-committed': [SinkCommitted];
  /** A commit threw (and is tried again) or the output is gone. */
  'sink-not-committed': [SinkNotCommitted];
  /** The re-saved manifest is durable, every sink has committed. */
  'checkpoint-completed': [CheckpointCompleted];
  /** Before any sink had a claim; the records go on in the open epoch. */
  'checkpoint-abandoned': [AttemptEndedEarly];
  /** Recovery follows. */
  'checkpoint-failed': [AttemptEndedEarly];
  /** Due, but nothing has happened since the last complete checkpoint. */
  'checkpoint-skipped': [{ readonly why: 'idle' }];
  /** The dataflow reported something that belongs to no open attempt. */
  'report-dropped': [ReportDropped];
  /** Records were late, left out or put back in time; once a batch, with the total so far. */
  'records-troubled': [TroubledRecords];
  /** A source fails in a way that passes, and is asked again after a pause; what was read goes on. */
  'source-waiting': [SourceWaiting];
  /** It has handed out records again, or come to its end. */
  'source-back': [SourceBack];
  /** A loop has come to no safe point for two intervals: neither checkpoints nor recovery go on. */
  'safe-point-missing': [{ readonly forMs: number }];
  /** A failure outside an attempt: a write, an acknowledgement, pruning. */
  'participant-error': [{ readonly what: string; readonly error: unknown }];
  'recovery-started': [{ readonly occasion: 'start' | 'in-process'; readonly cause?: unknown }];
  /** A store, a sink or a participant does not answer as it should, and is asked again after a pause. */
  'recovery-waiting': [{ readonly error: unknown }];
  'recovery-ended': [RecoveryReport];
  /** Another owner has taken over: this one stops and touches no sink. */
  fenced: [{ readonly generation: Generation | undefined; readonly error: unknown }];
  halted: [{ readonly cause: unknown }];
  stopped: [];
}

/** Where listeners are put. They only observe: what they throw is logged and changes nothing. */
export interface CoordinatorEventSource {
  on<Name extends keyof CoordinatorEvents>(event: Name, listener: CoordinatorListener<Name>): this;
  once<Name extends keyof CoordinatorEvents>(
    event: Name,
    listener: CoordinatorListener<Name>,
  ): this;
  off<Name extends keyof CoordinatorEvents>(
    event: Name,
    listener?: CoordinatorListener<Name>,
  ): this;
}

/** Called with the event; what it throws is logged and dropped. */
export type CoordinatorListener<Name extends keyof CoordinatorEvents> = (
  ...carried: CoordinatorEvents[Name]
) => unknown;

/** An emitter whose listeners cannot disturb the protocol: what they throw is only logged. */
export class SafeEvents extends EventEmitter<CoordinatorEvents> {
  readonly #logger: Logger;
  readonly #guards = new WeakMap<object, unknown>();

  constructor(logger: Logger) {
    super();
    this.#logger = logger;
  }

  override on<Name extends EventName>(event: Name, listener: ListenerOf<Name>): this {
    return super.on(event, this.#guarded(event, listener));
  }

  override addListener<Name extends EventName>(event: Name, listener: ListenerOf<Name>): this {
    return this.on(event, listener);
  }

  override once<Name extends EventName>(event: Name, listener: ListenerOf<Name>): this {
    return super.once(event, this.#guarded(event, listener));
  }

  override off<Name extends EventName>(event: Name, listener?: ListenerOf<Name>): this {
    const guarded = listener && (this.#guards.get(listener) as ListenerOf<Name> | undefined);
    return super.off(event, guarded ?? listener);
  }

  override removeListener<Name extends EventName>(event: Name, listener?: ListenerOf<Name>): this {
    return this.off(event, listener);
  }

  #guarded<Name extends EventName>(event: Name, listener: ListenerOf<Name>): ListenerOf<Name> {
    const known = this.#guards.get(listener);
    if (known !== undefined) return known as ListenerOf<Name>;
    const report = (error: unknown): void => {
      this.#logger.error({ event, err: error }, 'a listener failed');
    };
    const call = listener as (...parameters: unknown[]) => unknown;
    const guarded = (...parameters: unknown[]): void => {
      try {
        const answer = call(...parameters);
        if (answer instanceof Promise) answer.catch(report);
      } catch (error) {
        report(error);
      }
    };
    this.#guards.set(listener, guarded);
    return guarded;
  }
}

type EventName = keyof CoordinatorEvents;
type ListenerOf<Name extends EventName> = EventEmitter.EventListener<CoordinatorEvents, Name>;

interface Reporting {
  readonly events: SafeEvents;
  readonly logger: Logger;
}

/** Reports a failure that fails no attempt. */
export function reportParticipantError(context: Reporting, what: string, error: unknown): void {
  context.logger.warn({ err: error }, what);
  context.events.emit('participant-error', { what, error });
}

/**
 * Makes a call whose failure must not stop what comes after it: an attempt that is not concluded
 * leaves a coordinator that neither takes checkpoints nor recovers.
 */
export function bestEffort(context: Reporting, what: string, call: () => unknown): void {
  const report = (error: unknown): void => reportParticipantError(context, what, error);
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch(report);
  } catch (error) {
    report(error);
  }
}
