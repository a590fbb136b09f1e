// Known ways to break the file sink and the file sources: each loses output, doubles it, or reads on
// in a file that is not the one it was.

/** Not the test of the main job's checker, which needs a server. */
export const tests = [
  'test/connectors/files/file-',
  'test/connectors/files/json-numbers',
  'test/connectors/few-descriptors',
];

const sink = (what, file, find, replace) => ({
  what,
  file: `src/connectors/files/sink/${file}`,
  find,
  replace,
});
const source = (what, file, find, replace) => ({
  what,
  file: `src/connectors/files/source/${file}`,
  find,
  replace,
});

const shared = (what, file, find, replace) => ({
  what,
  file: `src/connectors/${file}`,
  find,
  replace,
});

export const mutations = [
  shared(
    'the output of an epoch is not synced',
    'staging/staged-output.ts',
    'await file.sync();',
    '',
  ),
  sink(
    'the commit record is not synced',
    'prepared.ts',
    'encodeRecord(record), { sync: true }',
    'encodeRecord(record), { sync: false }',
  ),
  sink(
    'the names of a prepared epoch are not synced',
    'prepared.ts',
    'await fileSystem.rename(temporary, final);\n  await fileSystem.syncDirectory(staging);',
    'await fileSystem.rename(temporary, final);',
  ),
  sink(
    'the commit point is publishing: output is shown before the marker is durable',
    'session.ts',
    'const moved = await this.#moveRecord(id);',
    'await publishParts(this.ports, this.#options.staging, new Set([id])); const moved = await this.#moveRecord(id);',
  ),
  sink(
    'the marker is not synced before the output is published',
    'session.ts',
    'await fileSystem.syncDirectory(layout.committed);\n      this.#hasUnsyncedMarker = false;\n      // An',
    '// An',
  ),
  sink(
    'a commit that finds no record reads it as committed',
    'session.ts',
    'if (moved === undefined && !(await isCommitted(this.ports, id))) {',
    'if (moved === undefined && id < 0) {',
  ),
  sink(
    'output that was damaged after it was prepared is committed',
    'session.ts',
    'await requireUndamaged(fileSystem, output, { prepared: part, wayOut: waysOutOfDamage });',
    '',
  ),
  sink(
    'only the length of prepared output is compared',
    'publishing.ts',
    '&& found.sha256 === prepared.sha256) return;',
    ') return;',
  ),
  sink(
    'committed output that was damaged before it was published is published by an opening',
    'opening.ts',
    '{ ids: new Set(committed), verified: false }',
    '{ ids: new Set(committed), verified: true }',
  ),
  sink(
    'the marker of unpublished output is folded, and its digest is lost',
    'session.ts',
    '{ staging, maxLooseMarkers, unfinished }',
    '{ staging, maxLooseMarkers }',
  ),
  sink(
    'a write that failed is forgotten',
    'session.ts',
    'await open.flush();\n    } catch (error) {\n      this.#broken = toError(error);',
    'await open.flush();\n    } catch (error) {',
  ),
  sink(
    'a pre-commit that failed may be tried again',
    'session.ts',
    'this.#broken = toError(error);\n      throw this.#translate(error, `pre-committing',
    'throw this.#translate(error, `pre-committing',
  ),
  sink(
    'a roll back removes the output and leaves the record',
    'prepared.ts',
    "await ports.fileSystem.removeFile(join(staging, preparedName(id)));\n    return 'rolled-back';",
    "void preparedName; return 'rolled-back';",
  ),
  sink(
    'a roll back is not durable before the output is removed',
    'prepared.ts',
    'await fileSystem.syncDirectory(staging);\n  for',
    'for',
  ),
  sink(
    'a roll back discards what it was told to keep',
    'session.ts',
    '.filter(({ id }) => !kept.has(id));',
    '.filter(() => !kept.has(0 as never));',
  ),
  sink(
    'opening moves no older generation away',
    'opening.ts',
    'if (seen.length === 1) return;',
    'if (seen.length >= 1) return;',
  ),
  sink(
    'opening does not look for a higher generation',
    'opening.ts',
    'if (highest >= generation) throw fenced(ports, generation, { newer: highest });',
    '',
  ),
  sink(
    'a late opener does not notice that it was overtaken',
    'opening.ts',
    'if (highest !== generation) throw fenced(ports, generation, { newer: highest });',
    'if (highest !== generation) return;',
  ),
  sink(
    'the staging directory has no nonce: a late opener revives that of an overtaken session',
    'layout.ts',
    'return `staging_${nonce}`;',
    'return `staging_${nonce.slice(0, 0)}`;',
  ),
  sink(
    'the directory that older generations are moved to is not synced first',
    'opening.ts',
    'const syncing = fileSystem.syncDirectory(layout.generation(generation));\n  await orFenced(syncing, (cause) => fenced(ports, generation, { cause }));\n  await fileSystem.syncDirectory(layout.ownFolder);',
    '',
  ),
  shared(
    'opening makes nothing durable before it cleans',
    'staging/opening.ts',
    'await syncDirectories(ports.fileSystem, visible);',
    'void syncDirectories;',
  ),
  sink(
    'opening does not publish what was committed',
    'opening.ts',
    'await rollForward(ports, staging);',
    'void rollForward;',
  ),
  sink(
    'opening publishes what was only prepared',
    'opening.ts',
    'if (id !== undefined && (await isCommitted(ports, id))) committed.push(id);',
    'if (id !== undefined) committed.push(id);',
  ),
  sink(
    'a record without its output counts as prepared',
    'prepared.ts',
    'if (record.part !== undefined && !paths.has(record.part.name)) continue;',
    '',
  ),
  shared(
    'another store is let in',
    'staging/sink-identity.ts',
    'if (stored.storeId === asked.storeId) return;',
    'return;',
  ),
  shared(
    'another sink is let into the directory',
    'staging/sink-identity.ts',
    'if (stored.pipeline !== asked.pipeline || stored.sink !== asked.sink) {',
    'if (stored.pipeline !== asked.pipeline) {',
  ),
  shared(
    'markers are removed before the ledger that has them is durable',
    'staging/marker-files.ts',
    'await syncParent(fileSystem, layout.ledger);',
    'void syncParent;',
  ),
  shared(
    'a ledger joins ids that are not neighbours',
    'staging/marker-files.ts',
    'first > previous[1] + 1',
    'first > previous[1] + 2',
  ),
  shared(
    'a damaged ledger counts as empty',
    'staging/marker-files.ts',
    'if (ledger !== undefined) return ledger;',
    'return ledger ?? { ranges: [], prunedBelow: 0 };',
  ),
  sink(
    'files do not sort in order of commit',
    'layout.ts',
    'return `part-${padded(id, idDigits)}.${extension}`;',
    'return `part-${padded(id % 100, idDigits)}.${extension}`;',
  ),
  source(
    'a file that shrank is read from its end',
    'opened-file.ts',
    'if (file.byteLength < byteOffset) {',
    'if (file.byteLength < 0) {',
  ),
  source(
    'a file that changed is read on',
    'opened-file.ts',
    'if (fingerprint.toString() !== position.fingerprint) {',
    'if (fingerprint.toString() === "") {',
  ),
  source(
    'the fingerprint forgets the bytes right before the offset',
    'fingerprint.ts',
    '.copy().update(this.#tail)',
    '.copy()',
  ),
  source(
    'the fingerprint forgets the samples',
    'fingerprint.ts',
    'if (from < to) this.#samples',
    'if (to < from) this.#samples',
  ),
  source(
    'a line that goes on behind its last position is taken for two',
    'opened-file.ts',
    'await checkLineEnd(file, path, position);',
    'void checkLineEnd;',
  ),
  source(
    'the position of a batch is that of the whole block',
    'source.ts',
    'const byteOffset = block.byteOffset + begin;',
    'const byteOffset = block.byteOffset + block.bytes.byteLength;',
  ),
  source(
    'bytes that are not UTF-8 are replaced in silence',
    'record-parser.ts',
    "if (!isUtf8(one)) throw new RecordProblem('not UTF-8');",
    '',
  ),
  source(
    'the content of a bad line is in the message',
    'json-numbers.ts',
    "throw new RecordProblem('not JSON', `not JSON${",
    "throw new RecordProblem('not JSON', `not JSON ${line}${",
  ),
  source('a skipped record is not counted', 'record-parser.ts', 'skipped += 1;', 'skipped += 0;'),
  source(
    'memory for one record has no bound',
    'block-reader.ts',
    'if (byteLength >= this.#maxRecordBytes) {',
    'if (byteLength < 0) {',
  ),
  source(
    'a quote in the middle of a field opens one',
    'csv-source.ts',
    'byte === codes.quote && isFieldStart',
    'byte === codes.quote',
  ),
  source(
    'fields that are missing become empty',
    'csv-source.ts',
    'if (row.length !== names.length) {',
    'if (row.length > names.length) {',
  ),
  source(
    'a large integer becomes another one',
    'json-numbers.ts',
    'if (Number.isSafeInteger(value)) return undefined;',
    'if (Number.isFinite(value)) return undefined;',
  ),
  source(
    'a number too large for JavaScript becomes Infinity',
    'json-numbers.ts',
    "if (!Number.isFinite(value) || (value === 0 && digits !== '')) return 'size';",
    '',
  ),
  source(
    'large integers are looked for in some places only',
    'json-numbers.ts',
    'place += safeDigits + 1',
    'place += safeDigits + 9',
  ),
  source(
    'a file in the place of the one that was read is read on',
    'opened-file.ts',
    'if (isWhole && (await headOf(file, byteLength)) === head) return;',
    'if ((await headOf(file, byteLength)) === head) return;',
  ),
  source(
    'the bytes behind the position are not looked at',
    'opened-file.ts',
    'if (isWhole && (await headOf(file, byteLength)) === head) return;',
    'if (isWhole && head.length > 0) return;',
  ),
  source(
    'carriage returns alone make one long header',
    'csv-source.ts',
    'if (rows.length !== count) {',
    'if (rows.length < count) {',
  ),
  source(
    'a header takes records with it',
    'csv-source.ts',
    'if (lines > maxLines) {',
    'if (lines > maxLines * 1_000) {',
  ),
  source(
    'a blank line of one column is passed over',
    'csv-source.ts',
    'if (names.length === 1) return',
    'if (names.length === 0) return',
  ),
  source(
    'blank lines are not counted',
    'csv-source.ts',
    'return { records: full.map((row) => named(names, row)), blankLines };',
    'return { records: full.map((row) => named(names, row)), blankLines: 0 };',
  ),
  source(
    'UTF-16 without a mark is read as text',
    'csv-source.ts',
    "if (text.includes('\\0'))",
    "if (text.includes('\\0\\0\\0'))",
  ),
  sink(
    'an opening that failed half-way reads as another owner',
    'sink.ts',
    'else if (before !== undefined) throw openedHalfWay(ports, generation, before);',
    '',
  ),
  shared(
    'the file of an epoch is open from its first record on',
    'write-ahead/session.ts',
    'if (open.bufferedBytes >= writeBytes) await open.flush();',
    'await open.flush();',
  ),
];
