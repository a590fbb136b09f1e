// A durable sink of files: output becomes visible whole, once, and in order.

import { resolve } from 'node:path';
import type { TwoPhaseSink } from '../../../contracts/sink.js';
import { TidegateError } from '../../../errors.js';
import { pathProblem, requireOptions, type NamesOf } from '../../../given.js';
import type { FileSystem } from '../../../runtime/file-system.js';
import { nodeFileSystem } from '../../../runtime/file-system-node.js';
import { silentLogger, type Logger } from '../../../runtime/logger.js';
import { systemRandom, type Random } from '../../../runtime/random.js';
import { toFilesError } from '../files-error.js';
import { recordAsJson } from '../../record-json.js';
import { checkIdentity, readIdentity } from '../../sink-identity.js';
import { FileSinkInspector } from './inspector.js';
import { FileSinkLayout, isExtension } from './layout.js';
import { takeSink } from './opening.js';
import type { FileSinkPorts } from './ports.js';
import { FileSinkSession } from './session.js';

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
  readonly looseMarkersMax?: number;
  readonly fileSystem?: FileSystem;
  readonly random?: Random;
  readonly logger?: Logger;
}

const knownOptions: NamesOf<FileSinkOptions<unknown>> = {
  directory: true,
  encode: true,
  extension: true,
  bufferBytes: true,
  looseMarkersMax: true,
  fileSystem: true,
  random: true,
  logger: true,
};

/**
 * A `durable` sink: what was pre-committed survives a crash and a power loss, and a fresh process
 * can commit it.
 *
 * @throws TidegateError `TIDEGATE_OPTIONS`.
 */
export function fileSink<Rec = unknown>(options: FileSinkOptions<Rec>): TwoPhaseSink<Rec> {
  requireOptions('fileSink', options, knownOptions);
  const { encode = jsonLine, extension = 'jsonl' } = options;
  const { bufferBytes = 262_144, looseMarkersMax = 256 } = options;
  checkOptions({ directory: options.directory, extension, bufferBytes, looseMarkersMax });
  const ports = {
    layout: new FileSinkLayout(resolve(options.directory)),
    fileSystem: options.fileSystem ?? nodeFileSystem,
    random: options.random ?? systemRandom,
    logger: options.logger ?? silentLogger,
  };
  const doing = `opening the file sink in ${ports.layout.directory}`;
  const halfWay = new Map<number, TidegateError>();
  return {
    durability: 'durable',
    maxPrepared: Number.MAX_SAFE_INTEGER,
    async open(owner, { signal }) {
      signal.throwIfAborted();
      try {
        const staging = await takeSink(ports, owner);
        const settings = { encode, extension, bufferBytes, looseMarkersMax };
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

function jsonLine(record: unknown): string {
  return `${recordAsJson(record, 'give the sink an encode that writes it')}\n`;
}

function checkOptions(options: {
  readonly directory: string;
  readonly extension: string;
  readonly bufferBytes: number;
  readonly looseMarkersMax: number;
}): void {
  const { directory, extension, bufferBytes, looseMarkersMax } = options;
  const problems: string[] = [];
  const wrongPath = pathProblem(directory);
  if (wrongPath !== undefined) problems.push(`directory ${wrongPath}`);
  if (!isExtension(extension)) {
    problems.push(`extension ${JSON.stringify(extension)} is not 1 to 32 letters, digits, . _ -`);
  }
  for (const [name, value] of Object.entries({ bufferBytes, looseMarkersMax })) {
    if (!Number.isSafeInteger(value) || value < 1)
      problems.push(`${name} ${value} is not 1 or more`);
  }
  if (problems.length === 0) return;
  throw new TidegateError('TIDEGATE_OPTIONS', `fileSink: ${problems.join('; ')}`);
}
