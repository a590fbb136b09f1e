// What is prepared: commit records whose output is there.

import { join } from 'node:path';
import { generation as toGeneration, type CheckpointId, type Generation } from '../../../ids.js';
import { unlessMissing } from '../../../runtime/small-files.js';
import { readRecord } from './commit-record.js';
import { idOfPreparedName } from './layout.js';
import type { FileSinkPorts } from './ports.js';

/** A commit record that was found, with its output. */
export interface FoundPrepared {
  readonly id: CheckpointId;
  /** The generation that prepared it. */
  readonly generation: Generation;
  readonly path: string;
}

/**
 * Every whole prepared epoch below a directory. A record without its output is none: the names of
 * both become durable with one sync, so a power loss before it may keep one of the two. Nobody was
 * given a handle then.
 */
export async function wholePrepared(
  ports: FileSinkPorts,
  directory: string,
): Promise<readonly FoundPrepared[]> {
  const paths = new Map<string, string>();
  await collectNames(ports, directory, paths);
  const found: FoundPrepared[] = [];
  for (const [name, path] of paths) {
    const id = idOfPreparedName(name);
    // Missing: it was committed or discarded since it was listed.
    const record = id && (await unlessMissing(readRecord(ports.fileSystem, path)));
    if (id === undefined || record === undefined) continue;
    if (record.part !== undefined && !paths.has(record.part.name)) continue;
    found.push({ id, generation: toGeneration(record.generation), path });
  }
  return found;
}

/** Output and record may lie in different directories while a new owner brings them together. */
async function collectNames(
  ports: FileSinkPorts,
  directory: string,
  paths: Map<string, string>,
): Promise<void> {
  const { fileSystem, layout } = ports;
  for (const { name, kind } of (await unlessMissing(fileSystem.listDirectory(directory))) ?? []) {
    const path = join(directory, name);
    if (kind !== 'directory') paths.set(name, path);
    else if (path !== layout.committed) await collectNames(ports, path, paths);
  }
}
