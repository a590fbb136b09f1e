// The demonstration: one run in peace, one under kills, and a checker that trusts neither.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { seededRandom } from 'tidegate/extend';
import { compare, outputs, type Difference } from './checker.js';
import { writeFlights } from './flights-file.js';
import { Lives, type KillCounts, type Tally } from './lives.js';
import type { Point } from './messages.js';
import { runUndisturbed, type Finished } from './undisturbed.js';
import { makeRooms, type WarehouseRooms } from './warehouse-rooms.js';

/** Each has its own checkpoints, archive and table. */
const runs = ['peace', 'plain', 'kills'];

const steps = ['step 3', 'step 4', 'step 5', 'step 6', 'step 7', 'recovery'];

/** Rows of the recovery table by what they decide. */
const wantedRows = { resume: /^7 /, 'roll back': /^1[12] /, 'roll forward': /^13 / };

/** Kills go on until the rest of the input could take up to here: the whole stays below two minutes. */
const killsUntilMs = 95_000;

const startedAtMs = performance.now();
const { parquet, rows, seed, isPatient } = settings(process.argv.slice(2));
const room = mkdtempSync(join(tmpdir(), 'tidegate-demo-'));
let rooms: WarehouseRooms | undefined;
process.on('exit', () => rmSync(room, { recursive: true, force: true }));
process.once('SIGINT', () => interrupt('SIGINT', 130));
process.once('SIGTERM', () => interrupt('SIGTERM', 143));
try {
  process.exitCode = (await demonstrate()) ? 0 : 1;
} catch (error) {
  // Errors of a driver carry its settings: only their text is shown.
  print(`the demonstration failed: ${messageOf(error)}`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

function interrupt(signal: string, exitCode: number): void {
  print(`ended by ${signal}: what the demonstration has made is removed`);
  void cleanUp().then(() => process.exit(exitCode));
}

/** What stays on a server would hold back its vacuum. */
async function cleanUp(): Promise<void> {
  const made = rooms;
  rooms = undefined;
  await made?.remove().catch((error: unknown) => {
    print(`the schema of the demonstration is still there: ${messageOf(error)}`);
    process.exitCode = 1;
  });
}

async function demonstrate(): Promise<boolean> {
  const script = fileURLToPath(new URL('job-process.js', import.meta.url));
  const input = join(room, 'flights.jsonl');
  const expected = join(room, 'expected');
  say(`seed ${seed} (again with: npm run demo -- --seed ${seed})`);

  const making = makeRooms(room, runs, say).then((made) => (rooms = made));
  // A server that cannot be used is found out before anything takes long.
  if (process.env.DATABASE_URL !== undefined) await making;
  say('reading the flights, while the checker works out what must come of them');
  const checking = expectedOutputs(rows, expected);
  const reading = writeFlights(parquet, input, rows, (done) => {
    say(`  ${thousands(done)} of ${thousands(rows)} flights`);
  });
  const [warehouses, records] = await Promise.all([making, reading, checking]);

  say('running the job undisturbed, with a checkpoint each second and with the last one only');
  const order = (run: string, intervalMs: number) => ({
    places: { name: warehouses.nameOf(run), input, work: join(room, run) },
    warehouse: warehouses.placeOf(run),
    intervalMs,
  });
  const points: Point[] = [];
  // At the same time, each on a core of its own.
  const [peaceful, plain] = await Promise.all([
    runUndisturbed(script, { ...order('peace', 1_000), paceMs: 0, announces: true }, points),
    runUndisturbed(script, { ...order('plain', 0), paceMs: 0, announces: false }),
  ]);

  say('running the job under kills');
  const random = seededRandom(seed);
  const inputBytes = statSync(input).size;
  const lives = new Lives({
    script,
    order: order('kills', 30),
    random: () => random.next(),
    randomKillsMin: 20,
    freshStartMs: Math.max(2_000, (killsUntilMs - (performance.now() - startedAtMs)) / 6),
    points,
    isLate: (byteOffset, counts) => {
      if (isPatient || notShown(counts).length > 0) return false;
      const restMs = plain.durationMs * (1 - byteOffset / inputBytes);
      return performance.now() - startedAtMs + 1.5 * restMs > killsUntilMs;
    },
    isWanted,
    progress: (text) => say(`  ${text}`),
  });
  const tally = await lives.run();

  const check = (run: string) =>
    compare(expected, {
      statistics: warehouses.tableOf(run),
      archive: join(room, run, 'archive'),
    });
  const checked = { peace: await check('peace'), kills: await check('kills') };
  printTables({ tally, peaceful, plain, records, checked });
  return verdict(tally, [...checked.peace, ...checked.kills]);
}

/** In a process of its own: it shares no code and no memory with the job. */
async function expectedOutputs(records: number, directory: string): Promise<void> {
  const checker = fileURLToPath(new URL('checker.js', import.meta.url));
  await promisify(execFile)(process.execPath, [checker, parquet, String(records), directory]);
}

interface Results {
  readonly tally: Tally;
  readonly peaceful: Finished;
  readonly plain: Finished;
  readonly records: number;
  readonly checked: {
    readonly peace: readonly Difference[];
    readonly kills: readonly Difference[];
  };
}

function printTables({ tally, peaceful, plain, records, checked }: Results): void {
  const { killsByStep, decisions } = tally;
  print('');
  print('killed in             aimed   random');
  const others = [...killsByStep.keys()].filter((step) => !steps.includes(step)).sort();
  for (const step of [...steps, ...others]) {
    const [aimed, atRandom] = killsByStep.get(step) ?? [0, 0];
    print(`${step.padEnd(20)} ${column(aimed)} ${column(atRandom)}`);
  }
  print(`${'together'.padEnd(20)} ${column(tally.aimedKills)} ${column(tally.randomKills)}`);
  const { pointsKnown, pointsHit, pointsRare, pointsLeft } = tally;
  print(`points announced ${pointsKnown}, killed there ${pointsHit}`);
  const missed = [...tally.kinds].filter((kind) => !tally.kindsHit.has(kind)).sort();
  print(`kinds of points ${tally.kinds.size}, killed at ${tally.kindsHit.size}`);
  for (const kind of missed) print(`  not at: ${kind}`);
  print(`points that did not come up again ${pointsRare.length}`);
  for (const point of pointsRare) print(`  ${point}`);
  print(`points without time for a kill ${pointsLeft.length}`);
  print('');
  print('what recovery decided (row of its table)');
  for (const [row, count] of [...decisions].sort()) print(`${column(count)}  ${row}`);
  print(`restarts that resumed past offset 0: ${tally.resumedPastStart} of ${tally.lives - 1}`);
  print('');
  print('records                    ' + thousands(records));
  print('records a second, with a checkpoint each second   ' + rate(peaceful));
  print('records a second, with the last checkpoint only   ' + rate(plain));
  print('under kills: seconds                              ' + seconds(tally.durationMs));
  print('');
  for (const [run, differences] of Object.entries(checked)) {
    for (const { output, isSame, lines } of differences) {
      const answer = isSame ? 'same bytes as the checker' : 'DIFFERENT from the checker';
      print(
        `${run.padEnd(6)} ${output.padEnd(11)} ${thousands(lines).padStart(9)} lines, ${answer}`,
      );
    }
  }
}

function verdict(tally: Tally, differences: readonly Difference[]): boolean {
  const missing = notShown(tally);
  for (const what of missing) print(`NOT SHOWN: ${what}`);
  const isSame =
    differences.length === 2 * outputs.length && differences.every((one) => one.isSame);
  print('');
  print(`took ${seconds(performance.now() - startedAtMs)} s`);
  print(`lost ${sum(differences.map(({ lost }) => lost))}`);
  print(`duplicates ${sum(differences.map(({ duplicates }) => duplicates))}`);
  return isSame && missing.length === 0 && tally.resumedPastStart > 0;
}

/** What a demonstration has to show, whatever else it does. */
function notShown({ killsByStep, decisions, kinds, kindsHit }: KillCounts): readonly string[] {
  const spared = steps.filter((step) => (killsByStep.get(step)?.[0] ?? 0) === 0);
  const rows = [...decisions.keys()];
  const undecided = Object.entries(wantedRows).filter(
    ([, row]) => !rows.some((found) => row.test(found)),
  );
  const missed = [...kinds].filter((kind) => !kindsHit.has(kind) && isWanted(kind));
  return [
    ...missed.map((kind) => `nothing was killed ${kind}`),
    ...spared.map((step) => `nothing was killed in ${step}`),
    ...undecided.map(([decision]) => `no recovery decided to ${decision}`),
  ];
}

/** The two phases of the database, and the moment from which a recovery has to decide. */
function isWanted(kind: string): boolean {
  return /^step .*database: (prepare the|commit what)|^step 5, after store: rename/.test(kind);
}

function settings(given: readonly string[]) {
  const options = {
    rows: { type: 'string', default: '3000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Every point, however long it takes. */
    'all-points': { type: 'boolean', default: false },
  } as const;
  try {
    const { values } = parseArgs({ args: [...given], options });
    const isPatient = values['all-points'];
    const [rows, seed] = [values.rows, values.seed].map(wholeNumber) as [number, number];
    return { parquet: flightsParquet(), isPatient, rows, seed };
  } catch (error) {
    print(messageOf(error));
    print('usage: npm run demo -- [--rows N] [--seed N] [--all-points]');
    process.exit(64);
  }
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$|^0$/.test(text)) return Number(text);
  throw new Error(`"${text}" is not a whole number`);
}

/** The package exports no path to its data: it lies beside what it does export. */
function flightsParquet(): string {
  const main = fileURLToPath(import.meta.resolve('vega-datasets'));
  const root = main.slice(0, main.lastIndexOf('vega-datasets') + 'vega-datasets'.length);
  return join(root, 'data', 'flights-3m.parquet');
}

function say(text: string): void {
  print(`[${seconds(performance.now() - startedAtMs).padStart(5)} s] ${text}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function rate({ records, durationMs }: Finished): string {
  return thousands(Math.round((records / durationMs) * 1_000));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function thousands(count: number): string {
  return count.toLocaleString('en-US').replaceAll(',', ' ');
}

function seconds(durationMs: number): string {
  return (durationMs / 1_000).toFixed(1);
}

function column(count: number): string {
  return String(count).padStart(6);
}
