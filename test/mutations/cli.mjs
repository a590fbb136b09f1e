// Known ways to break the command line.

// Not the tour: it reads docs/, which a mutated copy does not have.
export const tests = ['store', 'module', 'file'].map((name) => `test/cli/${name}-commands`);
tests.push('test/cli/simulate', 'test/cli/other-stores', 'test/cli/terminal');
tests.push('test/cli/json-output');

export const mutations = [
  {
    what: 'JSON for machines sends commands to a terminal',
    file: 'src/cli/json-output.ts',
    find: 'return `${printableJson(printPretty(toJsonValue(value)))}\\n`;',
    replace: 'return `${printPretty(toJsonValue(value))}\\n`;',
  },
  {
    what: 'errors of usage end with 1',
    file: 'src/cli/program.ts',
    find: 'return error.exitCode === 0 ? 0 : exitCodes.usage;',
    replace: 'return error.exitCode === 0 ? 0 : exitCodes.findings;',
  },
  {
    what: 'a full disk behind stdout is success',
    file: 'src/cli/program.ts',
    find: 'if (failure === undefined) return exitCode;',
    replace: 'if (failure === undefined || exitCode === 0) return exitCode;',
  },
  {
    what: 'a reader that goes away crashes the command',
    file: 'src/cli/terminal.ts',
    find: "stream.on('error', (error) => void (this.#failure ??= error));",
    replace: '',
  },
  {
    what: 'a reader that goes away is a failure',
    file: 'src/cli/terminal.ts',
    find: "error.code === 'EPIPE'",
    replace: "error.code === 'EOTHER'",
  },
  {
    what: 'control characters reach the terminal',
    file: 'src/cli/terminal.ts',
    find: 'const shown = printable(raw);',
    replace: 'const shown = raw;',
  },
  {
    what: 'colour is written to files',
    file: 'src/cli/terminal.ts',
    find: 'this.#hasColour = this.isTerminal && isColourWanted;',
    replace: 'this.#hasColour = isColourWanted;',
  },
  {
    what: 'verify does not read the sidecars',
    file: 'src/cli/commands/verify.ts',
    find: 'await reader.load(id, { signal });',
    replace: '',
  },
  {
    what: 'verify ends with 0 whatever it finds',
    file: 'src/cli/commands/verify.ts',
    find: 'return perCheckpoint.length + acrossAll.length === 0 ? exitCodes.fine : exitCodes.findings;',
    replace: 'return exitCodes.fine;',
  },
  {
    what: 'prune takes the store from a live owner',
    file: 'src/cli/commands/prune.ts',
    find: "liveOwner: 'refuse', signal",
    replace: "liveOwner: 'take-over', signal",
  },
  {
    what: 'prune adopts a foreign store',
    file: 'src/cli/commands/prune.ts',
    find: 'if (reader.pipeline === undefined) {',
    replace: "if (reader.pipeline === 'never') {",
  },
  {
    what: 'a person overrides a live owner',
    file: 'src/cli/commands/decide-by-hand.ts',
    find: "liveOwner: 'refuse', signal",
    replace: "liveOwner: 'take-over', signal",
  },
  {
    what: 'evidence is not looked at',
    file: 'src/cli/commands/decide-by-hand.ts',
    find: 'if (objection !== undefined && !wish.isForced) {',
    replace: 'if (objection !== undefined && wish.isForced) {',
  },
  {
    what: 'the reason is not recorded',
    file: 'src/cli/commands/decide-by-hand.ts',
    find: 'await owned.saveManifest(next, { signal });',
    replace: '',
  },
  {
    what: 'a roll back by hand takes everything with it',
    file: 'src/cli/commands/decide-by-hand.ts',
    find: 'session.rollback({ keep }, { signal }),',
    replace: 'session.rollback({ keep: [] }, { signal }),',
  },
  {
    what: 'a roll back is allowed although another sink has committed',
    file: 'src/cli/prepared-output.ts',
    find: "      others,\n      'committed',",
    replace: "      new Map(),\n      'committed',",
  },
  {
    what: 'output that no manifest names may be committed',
    file: 'src/cli/prepared-output.ts',
    find: "return 'no manifest names it, so its input will be read again and written a second time';",
    replace: 'return undefined;',
  },
  {
    what: 'a refused plan ends with 0',
    file: 'src/cli/commands/plan.ts',
    find: "return 'cause' in dryRun.plan ? exitCodes.findings : exitCodes.fine;",
    replace: 'return exitCodes.fine;',
  },
  {
    what: 'a violation ends with 0',
    file: 'src/cli/commands/simulate.ts',
    find: 'return report.violations.length === 0 ? exitCodes.fine : exitCodes.findings;',
    replace: 'return exitCodes.fine;',
  },
  {
    what: '64-bit numbers are rounded in JSON',
    file: 'src/cli/json-output.ts',
    find: 'return { numberText: value.toString() };',
    replace: 'return { numberText: String(Number(value)) };',
  },
  {
    what: 'the canonical form gets a line break',
    file: 'src/cli/commands/canonical.ts',
    find: 'terminal.isInteractive ? `${printableJson(text)}\\n` : text',
    replace: '`${text}\\n`',
  },
];
