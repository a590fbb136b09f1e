// placeholder
import type { Command } from 'commander';
import type { Context, Done } from './context.js';
export function addModuleCommands(_program: Command, _context: Context, _done: Done): void {
  return;
}
