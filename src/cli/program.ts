// The commands of `tidegate`, their arguments, and what becomes of what they throw.

import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { defaultRetainedCheckpoints } from '../store/retention.js';
import { DEFAULT_VNODE_COUNT } from '../manifest/types.js';
import type { CommonOptions, Context, Done, StoreOptions } from './context.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { toJsonText } from './json-output.js';
import { addModuleCommands } from './module-commands.js';
import { describeProblem, problemAsJson, UsageError } from './problems.js';

/** Runs one command line; never throws and never ends the process. */
export async function run(args: readonly string[], context: Context): Promise<ExitCode> {
  const exitCode = await runCommand(args, context);
  const failure = await context.terminal.flush();
  if (failure === undefined) return exitCode;
  // A full disk behind `> file`: what the command said has not arrived.
  context.terminal.note(...describeProblem(failure));
  return exitCodes.failed;
}

async function runCommand(args: readonly string[], context: Context): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.fine;
  const program = buildProgram(context, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportProblem(error, args, context);
  }
}

function reportProblem(error: unknown, args: readonly string[], context: Context): ExitCode {
  const { terminal, signal } = context;
  // Commander has written its message, or the help that was asked for, already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (signal.aborted) {
    terminal.note('interrupted');
    return exitCodes.interrupted;
  }
  if (args.includes('--json')) terminal.printProblem(toJsonText(problemAsJson(error)));
  else terminal.note(...describeProblem(error));
  return error instanceof UsageError ? exitCodes.usage : exitCodes.failed;
}

function buildProgram(context: Context, done: Done): Command {
  const { terminal } = context;
  const program = new Command('tidegate')
    .description('See, verify, explain and resolve the checkpoints of tidegate.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .showHelpAfterError('(--help says how)')
    .configureOutput({
      writeOut: (text) => terminal.printDocument(text),
      writeErr: (text) => terminal.note(...text.trimEnd().split('\n')),
    })
    .addHelpText('after', exitCodeHelp);
  addReadingCommands(program, context, done);
  addWritingCommands(program, context, done);
  addFileCommands(program, context, done);
  addModuleCommands(program, context, done);
  return program;
}

function addReadingCommands(program: Command, context: Context, done: Done): void {
  storeCommand(program, 'list')
    .description('list all checkpoints, newest first')
    .action(async (options: StoreOptions) => {
      const { list } = await import('./commands/list.js');
      done(await list(options, context));
    });
  program
    .command('tasks')
    .description('list the tasks whose stores are in one directory, and who runs them')
    .option('-s, --store <dir>', 'directory of the stores, named as in orders#3', './stores')
    .option('--json', jsonHelp)
    .action(async (options: StoreOptions) => {
      const { tasks } = await import('./commands/tasks.js');
      done(await tasks(options, context));
    });
  storeCommand(program, 'show')
    .description('show everything that one checkpoint says')
    .argument('<id>', idHelp)
    .action(async (id: string, options: StoreOptions) => {
      const { show } = await import('./commands/show.js');
      done(await show(id, options, context));
    });
  storeCommand(program, 'verify')
    .description('check checksums, ranges and rules; exit code 1 on any finding')
    .argument('[id]', `${idHelp}; all of them without it`)
    .option('--vnode-count <n>', 'the vnode count that each manifest must have', wholeNumber)
    .action(async (id: string | undefined, options: StoreOptions & { vnodeCount?: number }) => {
      const { verify } = await import('./commands/verify.js');
      done(await verify(id, options, context));
    });
  storeCommand(program, 'diff')
    .description('show what changed between two checkpoints')
    .argument('<before>', idHelp)
    .argument('<after>', idHelp)
    .option('--exit-code', 'end with 1 when anything changed')
    .action(
      async (before: string, after: string, options: StoreOptions & { exitCode?: boolean }) => {
        const { diff } = await import('./commands/diff.js');
        done(await diff({ before, after }, options, context));
      },
    );
  storeCommand(program, 'state')
    .description('write the bytes that one operator saved, after the checkpoint was verified')
    .argument('<id>', idHelp)
    .argument('<operator>', 'name of the operator')
    .option('-o, --output <file>', 'write a new file instead of stdout')
    .action(async (id: string, operator: string, options: StoreOptions & { output?: string }) => {
      const { state } = await import('./commands/state.js');
      done(await state(id, operator, options, context));
    });
}

function addWritingCommands(program: Command, context: Context, done: Done): void {
  storeCommand(program, 'prune')
    .description('delete old checkpoints; refuses while another process owns the store')
    .addOption(
      new Option('--keep <n>', 'how many complete checkpoints stay')
        .argParser(atLeastOne)
        .default(defaultRetainedCheckpoints),
    )
    .option('-n, --dry-run', 'only say what would be deleted')
    .action(async (options: StoreOptions & { keep: number; dryRun?: boolean }) => {
      const { prune } = await import('./commands/prune.js');
      done(await prune(options, context));
    });
}

function addFileCommands(program: Command, context: Context, done: Done): void {
  program
    .command('validate')
    .description(
      'print the inconsistencies of one manifest, one a line; exit code 1 when there are',
    )
    .argument('<file>', fileHelp)
    .addOption(
      new Option('--vnode-count <n>', 'the vnode count that it must have')
        .argParser(wholeNumber)
        .default(DEFAULT_VNODE_COUNT),
    )
    .option('--json', jsonHelp)
    .action(async (file: string, options: CommonOptions & { vnodeCount: number }) => {
      const { validate } = await import('./commands/validate.js');
      done(await validate(file, options, context));
    });
  program
    .command('canonical')
    .description('print the form of one manifest that its checksum is made of')
    .argument('<file>', fileHelp)
    .option('--json', jsonHelp)
    .action(async (file: string, options: CommonOptions) => {
      const { canonical } = await import('./commands/canonical.js');
      done(await canonical(file, options, context));
    });
}

function storeCommand(program: Command, name: string): Command {
  return program
    .command(name)
    .option(
      '-s, --store <place>',
      'directory that holds the checkpoints, s3://bucket/prefix, or postgres://host/database',
      './checkpoints',
    )
    .option('--json', jsonHelp);
}

/** @throws InvalidArgumentError, which commander reports as an error of usage. */
function wholeNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It is not a whole number from 0 to 65535.');
}

function atLeastOne(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a whole number from 1.');
}

function packageVersion(): string {
  const facts: unknown = createRequire(import.meta.url)('../../package.json');
  const { version } = facts as { readonly version: string };
  return version;
}

const jsonHelp = 'print one JSON document instead of text';
const idHelp = 'checkpoint id, or "latest" for the newest complete one';
const fileHelp = 'a manifest.json, or - for standard input';

const exitCodeHelp = `
Exit codes:
  0    done, and nothing is wrong
  1    done, and the answer is bad news: findings, damage, a refusal, a violation
  2    could not be done: something cannot be read, parsed, reached or owned
  64   the command line itself is wrong
  130  interrupted`;
