// `tidegate validate`: inconsistencies in one manifest, in the words of the Rust original.

import { validateManifest } from '../../manifest/validate.js';
import type { CommonOptions, Context } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText } from '../json-output.js';
import { readManifestFile } from '../manifest-file.js';

export interface ValidateOptions extends CommonOptions {
  readonly vnodeCount: number;
}

export async function validate(
  file: string,
  options: ValidateOptions,
  { terminal }: Context,
): Promise<ExitCode> {
  const manifest = await readManifestFile(file);
  const messages = validateManifest(manifest, options.vnodeCount).map(({ message }) => message);
  if (options.json) {
    terminal.printDocument(
      toJsonText({ file, checkpointId: manifest.checkpointId, findings: messages }),
    );
  } else {
    terminal.print(...messages);
  }
  return messages.length === 0 ? exitCodes.fine : exitCodes.findings;
}
