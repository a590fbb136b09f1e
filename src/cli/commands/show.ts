// `tidegate show`: everything that one manifest says, readable.

import { manifestChecksum } from '../../manifest/canonical.js';
import { WriteContext } from '../../manifest/json/codec.js';
import { manifestCodec } from '../../manifest/schema.js';
import type { CheckpointManifest } from '../../manifest/types.js';
import type { CheckpointListing } from '../../store/checkpoint-store.js';
import type { Context, StoreOptions } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { JsonTree, toJsonText } from '../json-output.js';
import { manifestLines } from '../manifest-text.js';
import { choose, openReader, parseChoice } from '../store-access.js';
import { toned } from '../table.js';
import type { Line } from '../terminal.js';
import { formatBytes } from '../units.js';
import { stateText } from '../checkpoint-text.js';
import { listingAsJson } from './list.js';

export async function show(id: string, options: StoreOptions, context: Context): Promise<ExitCode> {
  const { terminal, signal, clock } = context;
  const choice = parseChoice(id);
  const { reader } = await openReader(options, context);
  const listing = choose(await reader.list({ signal }), choice);
  const { manifest } = listing;
  if (options.json) {
    const document = manifest === undefined ? undefined : new JsonTree(documentOf(manifest));
    terminal.printDocument(toJsonText({ ...listingAsJson(listing), manifest: document }));
  } else {
    terminal.print(...headLines(listing));
    if (manifest !== undefined) terminal.print(...manifestLines(manifest, clock.now()));
  }
  return listing.state === 'corrupt' ? exitCodes.findings : exitCodes.fine;
}

function headLines(listing: CheckpointListing): readonly Line[] {
  const { id, manifest, state, integrity, byteLength, problem } = listing;
  const epoch = manifest === undefined ? '' : `, epoch ${manifest.epoch}`;
  const trust =
    integrity === 'unverified' ? ', unverified: another program wrote it, without a checksum' : '';
  const lines: Line[] = [
    [
      toned('strong', `checkpoint ${id}`),
      `${epoch}, `,
      stateText(state),
      `, ${formatBytes(byteLength)}${trust}`,
    ],
  ];
  if (problem !== undefined) lines.push([toned('bad', '  problem  '), problem.message]);
  return lines;
}

/** The document as it stands in the file, checksum included. */
function documentOf(manifest: CheckpointManifest): JsonTree['value'] {
  const { tidegate } = manifest;
  const stored =
    tidegate === undefined
      ? manifest
      : {
          ...manifest,
          tidegate: { ...tidegate, manifestChecksum: manifestChecksum(manifest) },
        };
  return manifestCodec.write(stored, new WriteContext('declared'));
}
