// Kills a writing process again and again, opens what it left, and checks every acknowledgement: `npm run kill:store -- 200`.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { positive, script } from './flags.mjs';

const writer = fileURLToPath(new URL('store-writer.mjs', import.meta.url));

/**
 * Starts a writer and waits until it has said enough; whoever asked then kills, stops or waits.
 *
 * @param nodeArguments What Node needs to import the library (`--import tsx` for sources).
 */
function startWriter({ library, nodeArguments, directory, saysBefore }) {
  const child = spawn(process.execPath, [...nodeArguments, writer, library, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = [];
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const enough = new Promise((resolve) => {
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      said.push(JSON.parse(line));
      if (said.length >= saysBefore) resolve();
    });
    lines.once('close', resolve);
  });
  return { child, said, exited, enough };
}

/** What is wrong with the store after these acknowledgements; undefined when nothing is. */
async function check(store, said, retained) {
  const listings = await store.list();
  for (const { id, state, problem } of listings) {
    if (state !== 'complete' && state !== 'in-doubt')
      return `checkpoint ${id} is ${state}: ${problem}`;
    await store.load(id);
  }
  const completed = said.filter((line) => line.completed).map((line) => line.completed);
  const lastSaved = said.filter((line) => line.saved).at(-1)?.saved;
  const found = new Map(listings.map((listing) => [listing.id, listing.state]));
  for (const id of completed.slice(-retained + 1)) {
    if (found.get(id) !== 'complete') return `completed checkpoint ${id} is ${found.get(id)}`;
  }
  if (lastSaved !== undefined && !found.has(lastSaved))
    return `saved checkpoint ${lastSaved} is lost`;
  return undefined;
}

/** @returns What was wrong in the first bad round; undefined when none was. */
export async function killRounds({ rounds, library, nodeArguments, onRound = () => undefined }) {
  const { storeAt } = await import(library);
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-kill-'));
  let generation = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const saysBefore = 2 + (round % 7);
    const { child, said, exited, enough } = startWriter({
      library,
      nodeArguments,
      directory,
      saysBefore,
    });
    await enough;
    // Not always right after an acknowledgement: up to two milliseconds into the next call.
    const untilNs = process.hrtime.bigint() + BigInt((round * 7919) % 2_000) * 1_000n;
    while (process.hrtime.bigint() < untilNs);
    child.kill('SIGKILL');
    await exited;
    const store = await storeAt(directory).open({ pipeline: 'rounds' });
    const problem =
      store.generation <= generation ? 'a generation came twice' : await check(store, said, 3);
    generation = store.generation;
    await store.close();
    if (problem !== undefined) return `round ${round} in ${directory}: ${problem}`;
    onRound(round, said.length);
  }
  rmSync(directory, { recursive: true });
  return undefined;
}

/** Stops a writer, overtakes it, lets it go on. @returns What was wrong, or undefined. */
export async function stopAndOvertake({ library, nodeArguments }) {
  const { storeAt } = await import(library);
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-stop-'));
  const { child, said, exited, enough } = startWriter({
    library,
    nodeArguments,
    directory,
    saysBefore: 6,
  });
  await enough;
  child.kill('SIGSTOP');
  const stores = storeAt(directory);
  const refusal = await stores
    .open({ pipeline: 'rounds', liveOwner: 'refuse' })
    .catch((error) => error);
  if (refusal.code !== 'TIDEGATE_STORE_OWNED') return `a stopped owner was not seen: ${refusal}`;
  const newer = await stores.open({ pipeline: 'rounds', liveOwner: 'take-over' });
  const before = JSON.stringify((await newer.list()).map(({ id, state }) => [id, state]));
  child.kill('SIGCONT');
  await exited;
  const after = JSON.stringify((await newer.list()).map(({ id, state }) => [id, state]));
  const end = said.at(-1)?.ended;
  await newer.close();
  rmSync(directory, { recursive: true });
  if (end !== 'TIDEGATE_FENCED') return `the older owner ended with ${end}`;
  return before === after ? undefined : `the newer owner saw ${before}, then ${after}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const library = new URL('../test/store/crash/library.ts', import.meta.url).href;
  const sources = { library, nodeArguments: ['--import', 'tsx'] };
  const [rounds] = script('kill:store', 'Kills a writing process, and looks what is left.')
    .argument('[rounds]', 'kills', positive, 200)
    .parse().processedArgs;
  let acknowledgements = 0;
  const problem =
    (await killRounds({
      ...sources,
      rounds,
      onRound: (_, count) => (acknowledgements += count),
    })) ?? (await stopAndOvertake(sources));
  console.log(
    problem ??
      `${rounds} kills survived, ${acknowledgements} lines kept; a stopped owner was fenced`,
  );
  process.exit(problem === undefined ? 0 : 1);
}
