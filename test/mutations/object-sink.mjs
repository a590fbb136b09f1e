// Known ways to break the sink on object storage: sinks that differ, output that is lost, or read too early.

export const tests = [
  'test/connectors/objects/object-sink.test',
  'test/connectors/objects/object-sink-conformance',
];

const sink = (what, file, find, replace) => ({
  what,
  file: `src/connectors/objects/${file}`,
  find,
  replace,
});

export const mutations = [
  sink(
    'the marker has no condition',
    'ports.ts',
    'storage.put(key, bytes, { ...options, condition }),',
    'storage.put(key, bytes, key === condition ? { ...options, condition } : options),',
  ),
  sink(
    'one’s own lost answer is not recognised',
    'ports.ts',
    'if (seen !== undefined && Buffer.compare(seen.bytes, bytes) === 0) {',
    'if (seen !== undefined && bytes.byteLength === 0) {',
  ),
  sink(
    'a decision that was lost counts as done',
    'ports.ts',
    "if (seen?.etag !== before) return { kind: 'lost', seen };",
    "if (seen !== undefined && seen.etag !== before) return { kind: 'done', etag: seen.etag };",
  ),
  sink(
    'what is prepared is not taken over',
    'opening.ts',
    "if (record.state !== 'prepared') return seen;",
    "if (record.state !== 'prepared' || generation > 0) return seen;",
  ),
  sink(
    'two versions of a record may have the same bytes',
    'opening.ts',
    'const next = { ...record, holder: generation };',
    'const next = { ...record };',
  ),
  sink(
    'uploads are completed before the marker',
    'session.ts',
    'if (isOpen) await requireWhole(this.ports, seen.record, signal);',
    'if (isOpen) await publish(this.ports, seen.record, signal);',
  ),
  sink(
    'uploads are aborted before the marker',
    'session.ts',
    "const { record } = await this.#decide(seen, 'discarded', signal);",
    'await clear(this.ports, seen.record, signal);\n' +
      "const { record } = await this.#decide(seen, 'discarded', signal);",
  ),
  sink(
    'what a rule of the bucket took away is committed',
    'session.ts',
    'if (isOpen) await requireWhole(this.ports, seen.record, signal);',
    '',
  ),
  sink(
    'an object that was replaced is published',
    'publishing.ts',
    'const isAsPut = object.etag === undefined || object.etag === found?.etag;',
    'const isAsPut = object.size >= 0;',
  ),
  sink(
    'a roll back leaves uploads behind',
    'session.ts',
    'await (isCommitted ? publish : clear)(this.ports, record, signal);',
    'if (isCommitted) await publish(this.ports, record, signal);',
  ),
  sink(
    'a crash behind the marker leaves output unpublished',
    'opening.ts',
    "if (taken.record.state === 'committed') await publish(ports, taken.record, signal);",
    '',
  ),
  sink(
    'a completion whose answer is lost always fails',
    'publishing.ts',
    'if (found?.size !== object.size) throw lost(ports, object, ',
    'if (found?.size !== -1) throw lost(ports, object, ',
  ),
  sink(
    'what is left over stays',
    'opening.ts',
    'await sweep(ports, known, { generation, behind: settled.partName }, signal);',
    '',
  ),
  sink(
    'a sweep takes what is prepared',
    'publishing.ts',
    'isLeft(key) && !named.has(uploadId)',
    'isLeft(key)',
  ),
  sink(
    'a sweep takes what is committed',
    'publishing.ts',
    'isLeft(key) && !named.has(key.slice(layout.prefix.length))',
    'isLeft(key)',
  ),
  sink(
    'a sweep takes what a newer owner writes',
    'publishing.ts',
    'return writer !== undefined && writer < generation;',
    'return writer !== undefined && writer !== generation;',
  ),
  sink(
    'an overtaken owner prepares',
    'session.ts',
    'await requireCurrent(this.ports, this.#claimed.state, signal);\n    const prepared',
    'const prepared',
  ),
  sink(
    'what a late request has prepared is ours',
    'session.ts',
    "return state === 'prepared' && holder === this.#generation;",
    "return state === 'prepared';",
  ),
  sink(
    'absent is said without a look',
    'inspector.ts',
    "if (seen.record.state === 'committed') return 'committed';",
    '',
  ),
  sink('a name is used again', 'session.ts', 'this.#nameCount += 1;', 'this.#nameCount = 1;'),
  sink(
    'the handle does not say what was prepared',
    'inspector.ts',
    'if (handle === undefined || handleOf(record) === handle) return;',
    "if (handle !== '') return;",
  ),
  sink(
    'output of another store is taken over',
    'ownership.ts',
    'checkIdentity({ layout: { directory: address } }, state, owner);',
    '',
  ),
  sink(
    'a sink that lost its sink.json begins anew',
    'opening.ts',
    'if (before === undefined) await refuseRemains(ports, signal);',
    '',
  ),
  sink(
    'the service is believed without a probe',
    'opening.ts',
    'await proveConditions(ports, signal, (nonce) => ports.layout.probe(nonce));',
    'void proveConditions;',
  ),
  sink(
    'an owner of the past is let in',
    'ownership.ts',
    'if (state === undefined || generation > state.generation) return;',
    'if (state === undefined || generation > 0) return;',
  ),
  sink(
    'a record lies in two objects',
    'open-epoch.ts',
    'current.size + record.byteLength > maxObjectBytes',
    'current.size > maxObjectBytes',
  ),
  sink(
    'every opening looks at all epochs',
    'settling.ts',
    'return this.#settled === before ? undefined : this.#settled;',
    'return this.#settled === before ? this.#settled : undefined;',
  ),
  sink(
    'a reader takes an epoch before the one that it passed by',
    'committed-objects.ts',
    "if (seen?.record.state === 'prepared') undecided.push(seen.record.checkpointId);",
    '',
  ),
  sink(
    'a reader is given objects that are not there yet',
    'committed-objects.ts',
    'if (!(await isComplete(ports, one.record, signal))) return;',
    '',
  ),
  sink(
    'an epoch with a hole is prepared',
    'session.ts',
    '    throwIfIncomplete(owner.sink, this.#broken);\n    const open',
    '    const open',
  ),
];
