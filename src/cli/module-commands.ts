// The commands that load a module of the user's: plan, in-doubt, simulate.

import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { Context, Done } from './context.js';
import type { InDoubtOptions } from './commands/in-doubt.js';
import type { PlanOptions } from './commands/plan.js';
import type { SimulateOptions } from './commands/simulate.js';

export function addModuleCommands(program: Command, context: Context, done: Done): void {
  addPlan(program, context, done);
  addInDoubt(program, context, done);
  addSimulate(program, context, done);
}

function addPlan(program: Command, context: Context, done: Done): void {
  connectingCommand(program, 'plan')
    .description('say what recovery would do now, and why; nothing is fenced or changed')
    .option('--restore <id>', 'plan going back to this checkpoint instead')
    .option(
      '--accept-duplicates-in <sink=id...>',
      'sinks that may get a second time what they have up to there',
    )
    .option(
      '--accept-lost-input <source=id...>',
      'sources that may give up input that is gone behind that checkpoint',
    )
    .action(async (module: string, options: PlanOptions) => {
      const { plan } = await import('./commands/plan.js');
      done(await plan(module, options, context));
    });
}

function addInDoubt(program: Command, context: Context, done: Done): void {
  connectingCommand(program, 'in-doubt')
    .description('list what every sink has prepared, or commit or roll back one of it by hand')
    .addArgument(
      new Argument('[action]', 'what to do by hand; takes the store over from an owner that died')
        .choices(['commit', 'rollback'])
        .argOptional(),
    )
    .argument('[sink]', 'name of the sink')
    .argument('[handle]', 'as the list shows it')
    .option('--reason <text>', 'why; recorded in the manifest before anything is done')
    .option('--force', 'against the evidence')
    .action(
      async (
        module: string,
        action: 'commit' | 'rollback' | undefined,
        sink: string | undefined,
        handle: string | undefined,
        options: InDoubtOptions,
      ) => {
        const { inDoubt } = await import('./commands/in-doubt.js');
        done(await inDoubt({ module, action, sink, handle }, options, context));
      },
    );
}

function addSimulate(program: Command, context: Context, done: Done): void {
  const number = (flags: string, text: string, byDefault: number): Option =>
    new Option(flags, text).argParser(positive).default(byDefault);
  program
    .command('simulate')
    .description('crash a pipeline at every point and restart it; exit code 1 on a violation')
    .argument('<module>', 'a module whose default export is build(world)')
    .option('--input <file>', 'records as JSON or JSON lines, instead of the export "input"')
    .addOption(
      new Option('--crashes <n>', 'faults in one run; 2 crashes recovery too')
        .argParser(oneOrTwo)
        .default(1),
    )
    .addOption(number('--schedules <n>', 'about how many schedules to run', 2_000))
    .addOption(number('--seed <n>', 'draws other pairs of faults', 1))
    .addOption(number('--violations <n>', 'how many to look for before giving up', 1))
    .option('--faults <kind...>', 'only these kinds of faults')
    .option('--matrix', 'print crash point by fault by row of the recovery table')
    .option('--replay <fault...>', 'run one schedule again, such as "kill-after sink a: commit#2"')
    .option('--json', 'print one JSON document instead of text')
    .action(async (module: string, options: SimulateOptions) => {
      const { simulate } = await import('./commands/simulate.js');
      done(await simulate(module, options, context));
    });
}

function connectingCommand(program: Command, name: string): Command {
  return program
    .command(name)
    .argument('<module>', 'a module whose connect() returns the real store and participants')
    .addOption(
      new Option('--timeout-ms <n>', 'how long to wait for the module, the store or a sink')
        .argParser(positive)
        .default(30_000),
    )
    .option('--json', 'print one JSON document instead of text');
}

function oneOrTwo(text: string): number {
  if (text === '1' || text === '2') return Number(text);
  throw new InvalidArgumentError('It is neither 1 nor 2.');
}

function positive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a whole number from 1.');
}
