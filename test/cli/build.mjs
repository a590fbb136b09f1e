// Builds the package as it would be installed: <room>/{package.json,dist,node_modules}; prints <room>.
//
// A stale dist/ can never make the tests pass: the JavaScript is made of src/ as it is now, and
// found again by the content it was made of.

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { root, transpile } from '../../scripts/transpile.mjs';

const prefix = 'tidegate-cli-build-';
const room = join(tmpdir(), prefix + contentHash());
if (!existsSync(room)) {
  const ownRoom = `${room}.${process.pid}`;
  const cached = transpile(`cli-${process.pid}`);
  mkdirSync(ownRoom);
  cpSync(join(cached, 'src'), join(ownRoom, 'dist'), { recursive: true });
  rmSync(cached, { recursive: true });
  cpSync(join(root, 'package.json'), join(ownRoom, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(ownRoom, 'node_modules'));
  try {
    // Whole or not at all: test files that run at once share one build.
    renameSync(ownRoom, room);
  } catch (error) {
    if (!existsSync(room)) throw error;
    rmSync(ownRoom, { recursive: true });
  }
}
const now = new Date();
utimesSync(room, now, now);
removeOldRooms();
process.stdout.write(room);

function contentHash() {
  const hash = createHash('sha256');
  const files = readdirSync(join(root, 'src'), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  for (const path of [...files, join(root, 'package.json')]) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.update(root).digest('hex').slice(0, 16);
}

/** An hour after their last use nobody runs them any more. Another build may remove one meanwhile. */
function removeOldRooms() {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const path = join(tmpdir(), name);
    const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - usedMs > 3_600_000) rmSync(path, { recursive: true, force: true });
  }
}
