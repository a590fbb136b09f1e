// Records for a simulated source, from a file that a person names.

import { toError } from '../errors.js';
import { readUserFile } from '../runtime/user-paths.js';
import { CommandError } from './problems.js';

const maxInputBytes = 64 * 2 ** 20;

/** One JSON document (a list, or lists by source name), or one JSON value a line. */
export async function readInput(path: string): Promise<unknown> {
  const bytes = await read(path);
  if (bytes === undefined) throw new CommandError(`${path} has more than ${maxInputBytes} bytes`);
  const text = Buffer.from(bytes).toString('utf8');
  const document = tryParse(text);
  if (document.kind === 'parsed' && isCollection(document.value)) return document.value;
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const record = tryParse(line);
    if (record.kind === 'parsed') return [record.value];
    throw new CommandError(`${path}, line ${index + 1}: ${record.problem}`);
  });
}

/** A single record on a single line is an object too; only lists can be the values by source. */
function isCollection(value: unknown): boolean {
  if (Array.isArray(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  const members = Object.values(value);
  return members.length > 0 && members.every(Array.isArray);
}

type Parsed =
  | { readonly kind: 'parsed'; readonly value: unknown }
  | { readonly kind: 'malformed'; readonly problem: string };

function tryParse(text: string): Parsed {
  try {
    return { kind: 'parsed', value: JSON.parse(text) as unknown };
  } catch (error) {
    return { kind: 'malformed', problem: toError(error).message };
  }
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readUserFile(path, maxInputBytes);
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${toError(error).message}`, undefined, error);
  }
}
