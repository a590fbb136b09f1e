// A durable sink of files: output becomes visible whole, once, and in order.

import { resolve } from 'node:path';
import type { TwoPhaseSink } from '../../../contracts/sink.js';
import { TidegateError } from '../../../errors.js';
import { kindOf } from '../../../given.js';
import {
  callback,
  completeOptions,
  contract,
  custom,
  path,
  required,
  whole,
  type OptionTable,
} from '../../../options.js';
import type { FileSystem } from '../../../runtime/file-system.js';
import { nodeFileSystem } from '../../../runtime/file-system-node.js';
import { silentLogger, type Logger } from '../../../runtime/logger.js';
import { systemRandom, type Random } from '../../../runtime/random.js';
import { toFilesError } from '../files-error.js';
import { recordAsJson } from '../../record-json.js';
import { checkIdentity, readIdentity } from '../../staging/sink-identity.js';
import { FileSinkInspector } from './inspector.js';
import { FileSinkLayout, isExtension, type FileSinkPorts } from './layout.js';
import { takeSink } from './opening.js';
import { FileSinkSession } from './session.js';

/** Options of `fileSink`. */
export interface FileSinkOptions<Rec> {
  /**
   * One sink's own directory, made when it is missing. Published files are
   * `part-<checkpoint id>.<extension>`: concatenated in order of their names they are the output.
   * Readers may take them away; the folder `_tidegate` must stay.
   */
  readonly directory: string;
  /**
   * Text or bytes of one record, the separator included. Default: one line of JSON; a record that
   * JSON would change (NaN, undefined, a Date, a BigInt, a Map …) is refused, naming the place.
   */
  readonly encode?: (record: Rec) => string | Uint8Array;
  /** Default `jsonl`. */
  readonly extension?: string;
  /** Bytes that are collected before they are written. Default 256 KiB. */
  readonly bufferBytes?: number;
  /** Markers that lie as files of their own before they are folded into a ledger. Default 256. */
  readonly maxLooseMarkers?: number;
  readonly fileSystem?: FileSystem;
  readonly random?: Random;
  readonly logger?: Logger;
}

const optionTable = {
  directory: required(path()),
  encode: callback(jsonLine),
  extension: custom(extensionProblem, 'jsonl'),
  bufferBytes: whole({ min: 1 }, 262_144),
  maxLooseMarkers: whole({ min: 1 }, 256),
  fileSystem: custom(undefined, nodeFileSystem),
  random: contract(['next'], systemRandom),
  logger: contract(['info', 'warn'], silentLogger),
} satisfies OptionTable<FileSinkOptions<unknown>>;

/**
 * A `durable` sink: what was pre-committed survives a crash and a power loss, and a fresh process
 * can commit it.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function fileSink<Rec = unknown>(options: FileSinkOptions<Rec>): TwoPhaseSink<Rec> {
  const { directory, fileSystem, random, logger, ...settings } = completeOptions(
    'fileSink',
    options,
    optionTable,
  );
  const ports = { layout: new FileSinkLayout(resolve(directory)), fileSystem, random, logger };
  const doing = `opening the file sink in ${ports.layout.directory}`;
  const halfWay = new Map<number, TidegateError>();
  return {
    durability: 'durable',
    maxPrepared: Number.MAX_SAFE_INTEGER,
    async open(owner, { signal }) {
      signal.throwIfAborted();
      try {
        const staging = await takeSink(ports, owner);
        return new FileSinkSession(ports, { owner, staging, ...settings });
      } catch (error) {
        const failure = toFilesError(error, doing);
        const { generation } = owner;
        const before = halfWay.get(generation);
        if (failure.code !== 'TIDEGATE_FENCED') halfWay.set(generation, failure);
        else if (before !== undefined) throw openedHalfWay(ports, generation, before);
        throw failure;
      }
    },
    async openReadOnly(identity, { signal }) {
      signal.throwIfAborted();
      try {
        checkIdentity(ports, await readIdentity(ports), identity);
        return new FileSinkInspector(ports, identity);
      } catch (error) {
        throw toFilesError(error, doing);
      }
    },
  };
}

/** Fenced by itself: there is no other owner, and the reason is why the first opening failed. */
function openedHalfWay(
  { layout }: FileSinkPorts,
  generation: number,
  before: TidegateError,
): TidegateError {
  return new TidegateError(
    'TIDEGATE_FENCED',
    `generation ${generation} cannot open the sink in ${layout.directory} again: an earlier opening ` +
      `of it failed half-way: ${before.message}`,
    { cause: before, details: { generation } },
  );
}

export function jsonLine(record: unknown): string {
  return `${recordAsJson(record, 'give the sink an encode that writes it')}\n`;
}

export function extensionProblem(extension: unknown): string | undefined {
  if (typeof extension === 'string' && isExtension(extension)) return undefined;
  const given = typeof extension === 'string' ? JSON.stringify(extension) : kindOf(extension);
  return `${given} is not 1 to 32 letters, digits, . _ -`;
}
