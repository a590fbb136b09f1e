// Files and directories that a person names: unlike a store's own, links to them are followed.

import { open, realpath } from 'node:fs/promises';

/** Where a path leads when every link is followed. Rejects with `ENOENT` when it leads nowhere. */
export function realPathOf(path: string): Promise<string> {
  return realpath(path);
}

/** The whole content of a file or a pipe of at most `maxBytes`; undefined when it is longer. */
export async function readUserFile(
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const handle = await open(path, 'r');
  try {
    // A pipe has no length to look at first, so bytes are counted while they are read.
    return await collectAtMost(handle.createReadStream({ autoClose: false }), maxBytes);
  } finally {
    await handle.close();
  }
}

/** The chunks of a stream as one; undefined when they have more than `maxBytes`. */
export async function collectAtMost(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const collected: Uint8Array[] = [];
  let byteLength = 0;
  for await (const chunk of chunks) {
    byteLength += chunk.byteLength;
    if (byteLength > maxBytes) return undefined;
    collected.push(chunk);
  }
  return Buffer.concat(collected);
}
