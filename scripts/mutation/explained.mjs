// Mutants that no test can notice, and why: each was looked at.
//
// A mutant is named by what it does to the text: `original → replacement`, white space as one
// space. One name stands for every such mutant in its file.

/** @type {readonly { file: string, why: string, mutants: readonly string[] }[]} */
export const explained = [
  {
    file: 'src/manifest/base64.ts',
    why: 'The text is one character, so the anchors change nothing.',
    mutants: ['/^[A-Za-z0-9+/]$/ → /[A-Za-z0-9+/]$/', '/^[A-Za-z0-9+/]$/ → /^[A-Za-z0-9+/]/'],
  },
  {
    file: 'src/manifest/base64.ts',
    why: 'The first byte of the last group is looked at once more, with the same verdict.',
    mutants: ['offset < groupStart → offset <= groupStart'],
  },
  {
    file: 'src/manifest/canonical.ts',
    why: 'A short cut: one manifest has one canonical form.',
    mutants: ['a === b → false'],
  },
  {
    file: 'src/manifest/json/input.ts',
    why: 'No byte below 0x80 is invalid UTF-8: there is nothing to pad, and none is a line feed.',
    mutants: ['\'0\' → ""', 'index < offset → index <= offset'],
  },
  {
    file: 'src/manifest/json/struct.ts',
    why: 'The canonical printer sorts what is not sorted: the order only saves it the work.',
    mutants: [
      "context.order === 'declared' → true",
      '[...entries].sort(([, a], [, b]) => compareUtf8(a.name, b.name)) → [...entries]',
    ],
  },
  {
    file: 'src/manifest/json/integers.ts',
    why: 'The short way of short numbers: the long way gives the same value and the same refusal.',
    mutants: [
      'text.length <= shortInteger && plainInteger.test(text) → false',
      'text.length <= shortInteger → true',
      'text.length <= shortInteger → text.length < shortInteger',
      'text.length <= shortInteger → text.length > shortInteger',
      '{ const value = Number(text); if (value <= most) return value; } → {}',
      'value <= most → false',
      'value <= most → value < most',
      'text.length > maxIntegerLength → false',
      'value >= 0 && value <= most → false',
      'value >= 0 → value > 0',
      '/^(?:0|[1-9][0-9]*)$/ → /^(?:0|[1-9][0-9])$/',
      '/^(?:0|[1-9][0-9]*)$/ → /^(?:0|[1-9][^0-9]*)$/',
    ],
  },
  {
    file: 'src/manifest/json/print.ts',
    why: 'Only whether text is looked at character by character.',
    mutants: ['/["\\\\]|[^\\u0020-\\uffff]/ → /[^"\\\\]|[^\\u0020-\\uffff]/'],
  },
  {
    file: 'src/manifest/json/reader.ts',
    why: 'What is expected is not said: the first character has shown that it is there.',
    mutants: ['\'an array\' → ""', '\'a string\' → ""', '\'an object\' → ""'],
  },
  {
    file: 'src/manifest/json/reader.ts',
    why: 'For the compiler: both patterns match something at every place.',
    mutants: ['\'\' → "Stryker was here!"'],
  },
  {
    file: 'src/manifest/json/reader.ts',
    why: 'Only bounds the work: the excerpt is shorter than that.',
    mutants: ['this.#text.slice(0, index + 200) → this.#text'],
  },
  {
    file: 'src/manifest/json/string-token.ts',
    why: 'The slice has four characters at most, so the anchors change nothing.',
    mutants: ['/^[0-9a-fA-F]{4}$/ → /[0-9a-fA-F]{4}$/', '/^[0-9a-fA-F]{4}$/ → /^[0-9a-fA-F]{4}/'],
  },
  {
    file: 'src/manifest/json/utf8.ts',
    why: 'Behind the end is a zero, and no name comes twice; sorting what is sorted changes nothing.',
    mutants: [
      'offset < bytes.length → offset <= bytes.length',
      'previous !== undefined && compareUtf8(previous, name) >= 0 → true',
      'compareUtf8(previous, name) >= 0 → true',
      'compareUtf8(previous, name) >= 0 → compareUtf8(previous, name) > 0',
    ],
  },
  {
    file: 'src/manifest/operator-state.ts',
    why: 'The largest safe integer is returned above.',
    mutants: ['value > Number.MAX_SAFE_INTEGER → value >= Number.MAX_SAFE_INTEGER'],
  },
  {
    file: 'src/manifest/serialize.ts',
    why: 'A name that our object has not is not put back.',
    mutants: ['[] → ["Stryker was here"]'],
  },
  {
    file: 'src/manifest/update-rules.ts',
    why: 'A short cut: what is not the same object is printed and compared.',
    mutants: [
      'haveSameValues(previous, next, mayProgress) && haveSameValues(ours, theirs, mayBeAdded) → false',
      '(name: string): boolean => except.has(name) || one[name as keyof Value] === other[name as keyof Val… → () => undefined',
      'except.has(name) || one[name as keyof Value] === other[name as keyof Value] → false',
      'except.has(name) || one[name as keyof Value] === other[name as keyof Value] → except.has(name) && one[name as keyof Value] === other[name as keyof Value]',
      'one[name as keyof Value] === other[name as keyof Value] → false',
      'one[name as keyof Value] === other[name as keyof Value] → one[name as keyof Value] !== other[name as keyof Value]',
      'Object.keys(one).every(isSame) && Object.keys(other).every(isSame) → false',
      'earlier.length === 0 → false',
      "[...Object.keys(progress), 'tidegate'] → []",
      '\'tidegate\' → ""',
      "['rolledBack', 'decisions'] → []",
      '\'rolledBack\' → ""',
      '\'decisions\' → ""',
    ],
  },
  {
    file: 'src/manifest/update-rules.ts',
    why: 'For the compiler: decisions are in our object.',
    mutants: ['\'\' → "Stryker was here!"'],
  },
  {
    file: 'src/recovery/plan.ts',
    why: 'Messages of bugs. The test of the table shows that some row always fits.',
    mutants: [
      '`no row of the recovery table fits ${found}` → ``',
      '`checkpoint ${stored.id} is in doubt but not readable` → ``',
      '\'decision\' → ""',
    ],
  },
  {
    file: 'src/recovery/refusals.ts',
    why: 'For the compiler: the row that asks for this text implies that there is something to say.',
    mutants: [
      '\'in doubt\' → ""',
      '\'none\' → ""',
      '\'a participant\' → ""',
      '\'\' → "Stryker was here!"',
      '\'?\' → ""',
      '\'unreadable\' → ""',
    ],
  },
  {
    file: 'src/recovery/report.ts',
    why: 'The name of a switch that has all its cases.',
    mutants: ['\'plan\' → ""'],
  },
  {
    file: 'src/recovery/copy-checkpoint.ts',
    why: 'Assertions: only a mistake of ours could fail them.',
    mutants: ['`checkpoint ${from.id} lost the state of operator ${operator}` → ``'],
  },
  {
    file: 'src/recovery/dry-run.ts',
    why: 'A dry run plans a start, where the timeout decides nothing; no sink has a store without an id.',
    mutants: ['false → true', '\'none\' → ""'],
  },
  {
    file: 'src/recovery/execute.ts',
    why: 'The name of a switch that has all its cases; a complete manifest is completed into itself.',
    mutants: ['\'plan\' → ""', "state === 'complete' → false"],
  },
  {
    file: 'src/recovery/execute.ts',
    why: 'The bound ends the wait; the signal only lets the store stop sooner.',
    mutants: ['{ signal } → {}'],
  },
  {
    file: 'src/recovery/open-sinks.ts',
    why: 'The listener is for one opening, and can be called once.',
    mutants: ['{ once: true } → {}', 'true → false'],
  },
  {
    file: 'src/recovery/read-facts.ts',
    why: 'The bound ends the wait; the signal only lets the store stop sooner.',
    mutants: ['{ signal } → {}'],
  },
  {
    file: 'src/recovery/recover.ts',
    why: 'The bound ends the wait; the signal only lets the store stop sooner.',
    mutants: ['{ signal } → {}'],
  },
  {
    file: 'src/recovery/pass.ts',
    why: 'The bound ends the wait; the signal only lets the store stop sooner.',
    mutants: ['{ signal } → {}'],
  },
  {
    file: 'src/recovery/pass.ts',
    why: 'Assertions: only a mistake of ours could fail them.',
    mutants: [
      'session !== undefined → true',
      '`sink ${name} takes part in a plan without being open` → ``',
      'receipt.byteLength === byteLength → true',
      '`the sidecar of checkpoint ${id} is not complete` → ``',
    ],
  },
  {
    file: 'src/recovery/sink-actions.ts',
    why: 'An assertion: only a mistake of ours could fail it.',
    mutants: [
      'handle === handleOf(manifest, sink) → true',
      '`the handle of sink ${sink} is not the recorded` → ``',
      '\'\' → "Stryker was here!"',
    ],
  },
  {
    file: 'src/recovery/start-checkpoint.ts',
    why: 'Of two equal ones either is the lowest.',
    mutants: ['next < low → next <= low'],
  },
  {
    file: 'src/recovery/ask.ts',
    why: 'Only openings look at it, and they ask again and again.',
    mutants: ['false → true'],
  },
  {
    file: 'src/recovery/open-sinks.ts',
    why: 'The reason of an abort that no answer tells: those that it ends count as not asked.',
    mutants: ['`sink ${name} refused` → ``'],
  },
  {
    file: 'src/recovery/restore.ts',
    why: 'Assertions: only a mistake of ours could fail them.',
    mutants: [
      '`${kind} ${name} has no offsets in the resumed checkpoint` → ``',
      '`checkpoint ${loaded.id} lost the state of operator ${name}` → ``',
    ],
  },
  {
    file: 'src/recovery/read-facts.ts',
    why: 'A place that is undefined is as good as none.',
    mutants: ['store.place === undefined → false'],
  },
  {
    file: 'src/recovery/recover.ts',
    why: 'A sink that is not open is looked up again where it would be asked.',
    mutants: ['session !== undefined → true'],
  },
  {
    file: 'src/recovery/report.ts',
    why: 'For the compiler: only a dry run has no generation.',
    mutants: ['\'?\' → ""'],
  },
  {
    file: 'src/recovery/table.ts',
    why: 'The last row: what has come to it is a split, as the walk through all facts shows.',
    mutants: ["{ sinks: ['some-committed-some-absent'] } → {}"],
  },
  {
    file: 'src/store/filesystem/checkpoint-writer.ts',
    why: 'What is not there is not deleted, and a name counted down is as new as one counted up.',
    mutants: ['[] → ["Stryker was here"]', 'this.#nameCount += 1 → this.#nameCount -= 1'],
  },
  {
    file: 'src/store/filesystem/generations.ts',
    why: 'A cause that is undefined is as good as none.',
    mutants: ['cause === undefined → false'],
  },
  {
    file: 'src/store/filesystem/identity.ts',
    why: 'What is no object has no members, null throws, and so does the making of an empty id.',
    mutants: [
      "typeof value !== 'object' || value === null → false",
      "typeof value !== 'object' || value === null → typeof value !== 'object' && value === null",
      "typeof value !== 'object' → false",
      'value === null → false',
      "id === '' → false",
      '\'\' → "Stryker was here!"',
    ],
  },
  {
    file: 'src/store/filesystem/sidecar-reader.ts',
    why: 'A larger buffer than is needed.',
    mutants: ['end - start → end + start'],
  },
  {
    file: 'src/store/filesystem/sidecar-writer.ts',
    why: 'Nothing is written in no pieces; how room grows is for speed and memory alone.',
    mutants: [
      '2 * (current?.byteLength ?? 0) → 2 / (current?.byteLength ?? 0)',
      'Math.min(writeBytes, doubled) → Math.max(writeBytes, doubled)',
      'this.#collectedBytes === 0 → false',
      'current.byteLength >= byteLength → current.byteLength > byteLength',
    ],
  },
  {
    file: 'src/store/layout.ts',
    why: 'Number() refuses what the pattern refuses, and a name is compared with what it should be.',
    mutants: [
      '[] → ["Stryker was here"]',
      '/^\\d{6,16}$/ → /\\d{6,16}$/',
      '/^\\d{6,16}$/ → /^\\d{6,16}/',
    ],
  },
  {
    file: 'src/store/memory/memory-session.ts',
    why: 'Assertions: only a mistake of ours could fail them.',
    mutants: ['\'an owned store has no store id\' → ""', '\'an owned store has no pipeline\' → ""'],
  },
  {
    file: 'src/store/retention.ts',
    why: 'Whatever is not below the newest complete one is not below the oldest that is kept either.',
    mutants: [
      'id >= newestComplete.id → false',
      'id >= newestComplete.id → id > newestComplete.id',
    ],
  },
  {
    file: 'src/store/save-rules.ts',
    why: 'A cause that is undefined is as good as none.',
    mutants: ['cause === undefined → false'],
  },
  {
    file: 'src/store/state-checks.ts',
    why: 'For the compiler: there is always a first one.',
    mutants: ['\'none\' → ""'],
  },
];
