// Known ways to break the store on object storage: two owners, lost checkpoints, bodies that are gone.

export const tests = ['test/store/object', 'test/store/conformance'];

const store = (what, file, find, replace) => ({
  what,
  file: `src/store/object/${file}`,
  find,
  replace,
});

export const mutations = [
  store(
    'the visible change has no condition',
    'current-object.ts',
    'storage.put(currentKey, bytes, { ...options, condition }),',
    'storage.put(currentKey, bytes, options),',
  ),
  store(
    'a new store is made without a condition',
    'current-object.ts',
    'before === undefined ? { ifAbsent: true } : { ifMatch: before.etag };',
    'before === undefined ? undefined : { ifMatch: before.etag };',
  ),
  store(
    'one’s own lost answer is not recognised',
    'current-object.ts',
    "if (seen?.current.nonce === next.nonce) return { kind: 'done', seen };",
    '',
  ),
  store(
    'a change that was lost counts as done',
    'current-object.ts',
    "if (seen?.etag !== before?.etag) return { kind: 'lost', seen };",
    "if (seen?.etag !== before?.etag) return { kind: 'done', seen };",
  ),
  store(
    'two versions may have the same bytes',
    'ownership.ts',
    'return { ...current, ...changes, sequence: current.sequence + 1, nonce };',
    'return { ...current, ...changes, nonce: nonce.slice(16) };',
  ),
  store(
    'an overtaken owner takes what it reads for its own',
    'ownership.ts',
    'if (session === this.session || alsoOwn?.has(session) === true) return seen;',
    "if (session !== '') return seen;",
  ),
  store(
    'what may be late is forgotten',
    'ownership.ts',
    'if (this.#isUncertain) this.#seen = await this.read(signal);',
    '',
  ),
  store(
    'a claim whose caller is gone fences its own session',
    'ownership.ts',
    'this.#abandoned.add(session);',
    '',
  ),
  store(
    'a claim keeps the generation',
    'ownership.ts',
    'const number = (before?.generation ?? 0) + 1;',
    'const number = before?.generation ?? 1;',
  ),
  store(
    'a closed owner gives signs of life',
    'ownership.ts',
    '    this.#heartbeat.stop();\n    if (this.#state',
    '    if (this.#state',
  ),
  store('a name is used again', 'bodies.ts', 'this.#count += 1;', ''),
  store(
    'a body comes after the version that names it',
    'bodies.ts',
    'await calls.repeat(signal, (options) => storage.put(bodyKey(name), bytes, options));',
    'void calls.repeat(signal, (options) => storage.put(bodyKey(name), bytes, options)).catch(() => 0);',
  ),
  store(
    'an upload whose completion lost its answer is given up',
    'bodies.ts',
    'if ((await storage.head(this.key, options)) === undefined) throw error;',
    'throw error;',
  ),
  store('an upload that failed stays', 'bodies.ts', 'await output.abandon();', ''),
  store(
    'the service is believed without a probe',
    'object-store.ts',
    'const time = await proveConditions(this.#ports, signal);',
    'const time = { serviceMs: this.#ports.clock.now(), monotonicMs: 0 };',
  ),
  store(
    'If-None-Match is not proved',
    'probe.ts',
    "this.#expectRefusal('2', { ifAbsent: true }, 'If-None-Match: *'),",
    'Promise.resolve(proveConditions),',
  ),
  store(
    'If-Match is not proved',
    'probe.ts',
    "await this.#expectRefusal('4', { ifMatch: first }, 'If-Match');",
    '',
  ),
  store(
    'a store that lost its pointer begins anew',
    'opening.ts',
    'if (current === undefined) await refuseRemains(ports, signal);',
    '',
  ),
  store(
    'bodies are deleted before the pointer moves',
    'session.ts',
    'if (deleted.length > 0) await this.#remove(new Set(deleted), signal);',
    'const first = await this.current(signal);\n' +
      'const going = first.checkpoints.filter(({ id }) => deleted.includes(id));\n' +
      'this.#leavings.add(going.flatMap(bodiesOf));\n' +
      'await this.#leavings.clear(() => this.current(signal), signal);\n' +
      'if (deleted.length > 0) await this.#remove(new Set(deleted), signal);',
  ),
  store('an overtaken owner writes sidecars', 'session.ts', 'await owning;', ''),
  store(
    'a save is not held against what is stored',
    'session.ts',
    'if (stored !== undefined) checkManifestUpdate(await this.#stored(stored, signal), manifest);',
    '',
  ),
  store(
    'an update drops the sidecar',
    'session.ts',
    'const sidecar = stored === undefined ? asNew() : stored.sidecar;',
    'const sidecar = stored === undefined ? asNew() : undefined;',
  ),
  store(
    'a sweep takes what a newer owner wrote',
    'leavings.ts',
    'return writer !== undefined && writer < this.ownership.generation;',
    'return writer !== undefined && writer !== this.ownership.generation;',
  ),
  store(
    'a sweep takes what this owner is writing',
    'leavings.ts',
    'return writer !== undefined && writer < this.ownership.generation;',
    'return writer !== undefined && writer <= this.ownership.generation;',
  ),
  store(
    'a sweep takes bodies that are named',
    'leavings.ts',
    '|| named.has(key.slice(bodiesFolder.length))) continue;',
    ') continue;',
  ),
  store(
    'what was set aside may be swept',
    'current.ts',
    'return new Set([...checkpoints, ...quarantined].flatMap(bodiesOf));',
    'return new Set(checkpoints.flatMap(bodiesOf));',
  ),
  store(
    'bodies are deleted while they are read',
    'leavings.ts',
    'this.#waiting.filter(({ dueMs }) => dueMs <= nowMs)',
    'this.#waiting.filter(({ dueMs }) => dueMs < Infinity)',
  ),
  store(
    'uploads of older owners stay',
    'leavings.ts',
    'if (this.#sweep === undefined) await this.#abortUploads(signal);',
    '',
  ),
  store(
    'names in current.json may lead anywhere',
    'current.ts',
    "return typeof value === 'string' && /^",
    "return typeof value === 'string' || /^",
  ),
  store(
    'what is pruned meanwhile counts as damage',
    'reader.ts',
    'if (later?.nonce === current?.nonce) return value;',
    'if (later !== null) return value;',
  ),
  store(
    'a service that does not answer counts as damage',
    'reader.ts',
    '      if (!isTidegateError(error)) throw error;\n',
    '',
  ),
  store(
    'a live owner is not waited for',
    'owner.ts',
    'return serviceMs - lastSignMs < silentMs;',
    'return serviceMs - lastSignMs < 0;',
  ),
  store(
    'the silence of an owner is measured by another clock',
    'owner.ts',
    'const serviceMs = time.serviceMs + (clock.monotonicMs() - time.monotonicMs);',
    'const serviceMs = clock.now();',
  ),
];
