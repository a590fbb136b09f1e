// `tidegate state`: the bytes that one operator saved.

import { dirname, resolve } from 'node:path';
import { nodeFileSystem } from '../../runtime/file-system-node.js';
import { errnoOf } from '../../runtime/file-system.js';
import type { Context, StoreOptions } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { CommandError, UsageError } from '../problems.js';
import { choose, openReader, parseChoice } from '../store-access.js';
import { toJsonText } from '../json-output.js';
import { count } from '../units.js';

export interface StateOptions extends StoreOptions {
  /** Writes a new file instead of stdout. */
  readonly output?: string;
}

/** Verifies the whole checkpoint first: bytes that cannot be trusted are not given out. */
export async function state(
  id: string,
  operator: string,
  options: StateOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  const { output } = options;
  if (output === undefined && options.json !== true && terminal.isInteractive) {
    throw new UsageError('operator state is bytes, not text: redirect stdout, or give --output');
  }
  const choice = parseChoice(id);
  const { reader } = await openReader(options, context);
  const listing = choose(await reader.list({ signal }), choice);
  const checkpoint = await reader.load(listing.id, { signal });
  const chunks = reader.readOperatorState(checkpoint, operator);
  if (chunks === undefined) {
    const known = [...checkpoint.manifest.operatorStates.keys()].sort();
    throw new CommandError(
      `checkpoint ${listing.id} has no operator ${JSON.stringify(operator)}`,
      known.length === 0 ? 'It has no operators.' : `It has: ${known.join(', ')}.`,
    );
  }
  if (output !== undefined) {
    const byteLength = await writeFile(output, chunks, signal);
    if (options.json) {
      terminal.printDocument(toJsonText({ id: listing.id, operator, output, byteLength }));
    } else {
      terminal.note(`wrote ${count(byteLength, 'byte')} to ${output}`);
    }
    return exitCodes.fine;
  }
  if (options.json) {
    const collected: Uint8Array[] = [];
    for await (const chunk of chunks) collected.push(chunk);
    const bytes = Buffer.concat(collected);
    const [byteLength, base64] = [bytes.byteLength, bytes.toString('base64')];
    terminal.printDocument(toJsonText({ id: listing.id, operator, byteLength, base64 }));
    return exitCodes.fine;
  }
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    if (!(await terminal.printBytes(chunk))) break;
  }
  return exitCodes.fine;
}

/** Only ever a new file; one that could not be written whole is removed. */
async function writeFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const target = resolve(path);
  let byteLength = 0;
  const file = await create(target);
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      await file.write(chunk);
      byteLength += chunk.byteLength;
    }
    await file.sync();
    await nodeFileSystem.syncDirectory(dirname(target));
  } catch (error) {
    await nodeFileSystem.removeFile(target);
    throw error;
  } finally {
    await file.close();
  }
  return byteLength;
}

async function create(path: string): ReturnType<typeof nodeFileSystem.createFile> {
  try {
    return await nodeFileSystem.createFile(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new CommandError(`${path} exists already`, 'Give --output a name that is free.', error);
  }
}
