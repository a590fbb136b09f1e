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
    mutants: ["context.order === 'declared' → true"],
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
    file: 'src/recovery/plan.ts',
    why: 'A replay has one checkpoint in doubt, its target: two are refused by a row above.',
    mutants: ['({ id }) => id !== target.id → () => undefined', 'id !== target.id → false'],
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
    file: 'src/recovery/restore.ts',
    why: 'For the compiler: a sink that is past a checkpoint has committed one.',
    mutants: ['\'?\' → ""'],
  },
  {
    file: 'src/store/retention.ts',
    why: 'Whatever is not below the newest complete one is not below the oldest that is kept either.',
    mutants: [
      'id >= newestComplete.id → false',
      'id >= newestComplete.id → id > newestComplete.id',
    ],
  },
];
