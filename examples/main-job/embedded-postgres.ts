// PGlite, made ready before it is needed: a process that is about to take over has time to spare.

import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import type { PgliteClass } from 'tidegate/pglite';

/** Node has it; TypeScript declares it for browsers only, and PGlite takes what it makes. */
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<never> };

let loading: Promise<PgliteClass> | undefined;

/** The class that a `PgliteDatabase` takes; compiled once in a process. */
export function embeddedPostgres(): Promise<PgliteClass> {
  return (loading ??= load());
}

async function load(): Promise<PgliteClass> {
  // A process lives for a second: what the optimising compiler does would come too late.
  v8.setFlagsFromString('--liftoff-only');
  const main = fileURLToPath(import.meta.resolve('@electric-sql/pglite'));
  const fileBeside = (name: string): string => main.replace(/[^/\\]+$/, name);
  const pgliteWasmModule = await WebAssembly.compile(await readFile(fileBeside('pglite.wasm')));
  const fsBundle = await openAsBlob(fileBeside('pglite.data'));
  return {
    create: (directory, { postgresqlconf }) =>
      PGlite.create({
        ...(directory === undefined ? {} : { dataDir: directory }),
        // 128 MB would be cleared at each start.
        postgresqlconf: [...postgresqlconf, 'shared_buffers=4MB'],
        pgliteWasmModule,
        fsBundle,
      }),
  };
}
