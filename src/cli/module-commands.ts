// The commands that load a module of the user's: plan, in-doubt, simulate.

import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { Context, Done } from './context.js';
import type { InDoubtOptions } from './commands/in-doubt.js';
import type { PlanOptions } from './commands/plan.js';

export function addModuleCommands(program: Command, context: Context, done: Done): void {
  addPlan(program, context, done);
  addInDoubt(program, context, done);
}

function addPlan(program: Command, context: Context, done: Done): void {
  connectingCommand(program, 'plan')
    .description('say what recovery would do now, and why; nothing is fenced or changed')
    .option('--restore <id>', 'plan going back to this checkpoint instead')
    .option('--accept-duplicates-in <sink...>', 'sinks that may get output a second time')
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

function connectingCommand(program: Command, name: string): Command {
  return program
    .command(name)
    .argument('<module>', 'a module whose connect() returns the real store and participants')
    .addOption(
      new Option('--timeout-ms <n>', 'how long to wait for the module, the store or a sink')
        .argParser(milliseconds)
        .default(30_000),
    )
    .option('--json', 'print one JSON document instead of text');
}

function milliseconds(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a whole number of milliseconds from 1.');
}
