// Compares the public surface of every entry point with its report in api/; `--update` writes the reports anew.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const isUpdate = process.argv.includes('--update');
const reports = resolve('api');
const scratch = resolve('node_modules/.cache/tidegate/api');
mkdirSync(reports, { recursive: true });
mkdirSync(scratch, { recursive: true });

const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'));
const entryPoints = Object.entries(entries).filter(([, { types }]) => types !== undefined);
/** Names of all entry points: each may speak of those of the others without exporting them again. */
const publicNames = new Set(entryPoints.flatMap(([, { types }]) => exportedNames(types)));
let changedCount = 0;
for (const [name, { types }] of entryPoints) {
  changedCount += reportOn(`tidegate${name.slice(1)}`, types);
}
if (changedCount > 0) {
  console.error(
    'If the public surface is meant to change so, run `npm run api:update` and commit.',
  );
  process.exitCode = 1;
}

/** One entry point; the number of reports that do not fit, 0 or 1. */
function reportOn(entry, types) {
  const fileName = `${entry.replace('/', '-')}.api.md`;
  const problems = [];
  const forgotten = [];
  Extractor.invoke(configOf(types, fileName), {
    localBuild: false,
    messageCallback: (message) => {
      message.handled = true;
      if (message.messageId === 'ae-forgotten-export') forgotten.push(message.text);
      else if (message.logLevel === ExtractorLogLevel.Error) problems.push(message.text);
    },
  });
  const written = readFileSync(join(scratch, fileName), 'utf8');
  problems.push(...forgotten.filter((text) => !publicNames.has(/"(.+?)"/.exec(text)?.[1])));
  if (problems.length > 0) {
    console.error(`${entry}:\n${problems.map((text) => `  ${text}`).join('\n')}`);
    return 1;
  }
  const kept = readKept(fileName);
  if (written === kept) {
    console.log(`${entry}: as reported in api/${fileName}`);
    return 0;
  }
  if (isUpdate) {
    writeFileSync(join(reports, fileName), written);
    console.log(`${entry}: api/${fileName} written`);
    return 0;
  }
  console.error(`${entry} is not what api/${fileName} says:\n${differences(kept, written)}`);
  return 1;
}

function configOf(types, reportFileName) {
  return ExtractorConfig.prepare({
    configObjectFullPath: resolve('scripts/api-report.mjs'),
    packageJsonFullPath: resolve('package.json'),
    configObject: {
      projectFolder: resolve('.'),
      mainEntryPointFilePath: resolve(types),
      bundledPackages: [],
      newlineKind: 'lf',
      compiler: { tsconfigFilePath: resolve('tsconfig.build.json'), skipLibCheck: true },
      apiReport: {
        enabled: true,
        reportFileName,
        reportFolder: reports,
        reportTempFolder: scratch,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'none' },
          'ae-forgotten-export': { logLevel: 'warning', addToApiReportFile: false },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
}

/** What an entry exports: its file holds nothing but lists of names. */
function exportedNames(types) {
  const lists = readFileSync(types, 'utf8').matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  return [...lists].flatMap(([, names]) => names.split(',').map((name) => name.trim()));
}

function readKept(fileName) {
  try {
    return readFileSync(join(reports, fileName), 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return '';
  }
}

/** Lines that are only in one of the two, as a reader of a diff expects them. */
function differences(kept, written) {
  const [before, after] = [kept, written].map((text) => text.split('\n'));
  const removed = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`);
  const added = after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  return [...removed, ...added].join('\n');
}
