// A durable sink out of one that cannot prepare: an epoch is staged in a file, and applied at commit.

import { resolve } from 'node:path';
import type { Sink, TwoPhaseSink } from '../../contracts/sink.js';
import { nodeFileSystem } from '../../runtime/file-system-node.js';
import type { FileSystem } from '../../runtime/file-system.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import { silentLogger, type Logger } from '../../runtime/logger.js';
import {
  completeOptions,
  contract,
  custom,
  path,
  required,
  whole,
  type OptionTable,
} from '../../options.js';
import { MarkerFolding } from '../staging/marker-folding.js';
import type { RecordCodec } from './codec.js';
import { RecordLines } from './record-lines.js';
import { checkWrappable, openApplier, openMarkerReader } from './applier.js';
import { WriteAheadInspector } from './inspector.js';
import { WriteAheadLayout } from './layout.js';
import { Markers } from './markers.js';
import { orFilesError } from '../files/files-error.js';
import { checkIdentity, readIdentity } from '../staging/sink-identity.js';
import { takeDirectory } from './opening.js';
import { WriteAheadSession } from './session.js';

/** Options of `writeAhead`. */
export interface WriteAheadOptions<Rec> {
  /** A directory of the sink's own, made when it is missing; its parent must exist. */
  readonly directory: string;
  /**
   * How records stand in the staged file. Default: JSON in which undefined, NaN, the infinities,
   * BigInt, Date, Buffer, Uint8Array, Map and Set come back as they were; any other value that JSON
   * does not have, such as a class's instance, is refused before it is staged.
   */
  readonly codec?: RecordCodec<Rec>;
  /** Markers that lie as files of their own before they are folded into a ledger. Default 256. */
  readonly maxLooseMarkers?: number;
  readonly fileSystem?: FileSystem;
  readonly random?: Random;
  readonly logger?: Logger;
}

const optionTable = {
  directory: required(path()),
  codec: contract(['encode', 'decode']),
  maxLooseMarkers: whole({ min: 1 }, 256),
  fileSystem: custom(undefined, nodeFileSystem),
  random: contract(['next', 'bytes'], systemRandom),
  logger: contract(['info', 'warn'], silentLogger),
} satisfies OptionTable<WriteAheadOptions<unknown>>;

/**
 * Stages an epoch's output durably at pre-commit and applies it at commit: together with the marker
 * of a wrapped `last-resource` sink, or by key to an `idempotent` sink that orders its
 * writes. Either way any number of such sinks fit into a pipeline.
 *
 * The output is written twice, and becomes visible when it is applied, after the manifest.
 *
 * @throws TidegateError `TIDEGATE_WRITE_AHEAD_OPTIONS` when the wrapped sink could be written twice.
 */
export function writeAhead<Rec>(
  inner: Sink<Rec>,
  options: WriteAheadOptions<Rec>,
): TwoPhaseSink<Rec> {
  const completed = completeOptions('writeAhead', options, optionTable);
  checkWrappable(inner);
  const { directory, maxLooseMarkers, fileSystem, logger, random } = completed;
  const layout = new WriteAheadLayout(resolve(directory));
  const ports = { fileSystem, layout, logger, random };
  const markers = new Markers(ports);
  return {
    durability: 'durable',
    maxPrepared: Number.MAX_SAFE_INTEGER,
    async open(owner, call) {
      call.signal.throwIfAborted();
      const staging = await takeDirectory(ports, owner).catch((error: unknown) => {
        throw orFilesError(error, `opening the write-ahead sink in ${layout.directory}`);
      });
      const folding = new MarkerFolding(ports, { staging, maxLooseMarkers });
      const applier = await openApplier(inner, owner, { markers, folding, staging }, call);
      const lines = new RecordLines(options.codec, applier.recordForm);
      const session = new WriteAheadSession({
        ...{ fileSystem, layout, lines, owner, staging, applier },
      });
      try {
        await session.applyMarked(call);
      } catch (error) {
        // This session is not returned, so the wrapped sink's session must be closed here.
        await session.close();
        throw error;
      }
      return session;
    },
    async openReadOnly(identity, call) {
      call.signal.throwIfAborted();
      checkIdentity(ports, await readIdentity(ports), identity);
      const applier = await openMarkerReader(inner, identity, markers, call);
      return new WriteAheadInspector({ fileSystem, layout, identity, applier });
    },
  };
}
