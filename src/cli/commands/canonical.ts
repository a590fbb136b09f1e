// `tidegate canonical`: the one spelling of a manifest, which its checksum is made of.

import { canonicalManifest, manifestChecksum } from '../../manifest/canonical.js';
import type { CommonOptions, Context } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText } from '../json-output.js';
import { readManifestFile } from '../manifest-file.js';
import { printableJson } from '../printable.js';

export async function canonical(
  file: string,
  options: CommonOptions,
  { terminal }: Context,
): Promise<ExitCode> {
  const manifest = await readManifestFile(file);
  const text = canonicalManifest(manifest);
  if (options.json) {
    const sha256 = manifestChecksum(manifest);
    terminal.printDocument(toJsonText({ file, sha256, canonical: text }));
    return exitCodes.fine;
  }
  // To the byte, so that `tidegate canonical FILE | sha256sum` is the checksum.
  terminal.printDocument(terminal.isInteractive ? `${printableJson(text)}\n` : text);
  return exitCodes.fine;
}
