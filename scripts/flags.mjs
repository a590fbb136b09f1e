// The flags of a script: `--help` shows them, and one that does not exist ends with 64 and the way out.

import { Command, InvalidArgumentError } from 'commander';

/**
 * A program called as `npm run <name> -- …`; it ends as sysexits.h says, with 64, where it is called
 * wrongly. A sub-command is a name of its own: `simulate -- pipelines`.
 */
export function script(name, about) {
  const call = name.includes(' -- ') ? name : `${name} --`;
  return new Command(name)
    .usage(`[flags], called as: npm run ${call} [flags]`)
    .description(about)
    .allowExcessArguments(false)
    .showHelpAfterError(`Its flags: npm run ${call} --help`)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 64));
}

/**
 * Hands over to the sub-command that the first argument names, without that argument.
 *
 * @param {Readonly<Record<string, () => Promise<unknown>>>} commands Each loads the module that runs it.
 * @param {string} fallback The one that runs where the first argument is a flag, or missing.
 */
export async function runSubCommand(commands, fallback) {
  const first = process.argv[2];
  const isNamed = first !== undefined && !first.startsWith('-');
  if (isNamed) {
    requireKnown('sub-command', [first], Object.keys(commands));
    process.argv.splice(2, 1);
  }
  await commands[isNamed ? first : fallback]();
}

/** A whole number, 0 or more. */
export function whole(text) {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It is no whole number.');
  return Number(text);
}

/** A whole number, 1 or more. */
export function positive(text) {
  const number = whole(text);
  if (number === 0) throw new InvalidArgumentError('It has to be 1 or more.');
  return number;
}

/** For a program that is given names: ends with 64 and the list when one of them is none. */
export function requireKnown(what, names, known) {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  console.error(`There is no ${what} ${unknown.join(', ')}. There are: ${known.join(', ')}`);
  process.exit(64);
}
