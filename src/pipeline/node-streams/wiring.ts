// Checks what was connected to what: a chain from each source to a sink, through streams of ours only.

import { TidegateError } from '../../errors.js';
import { isStage, placeOf, type ChainState, type Place, type Stage } from './place.js';
import { foreignStage, invisibleStage } from './stream-errors.js';

/** The stages of one chain, from its source to its sink. */
export type Path = readonly Place[];

/** @throws TidegateError `TIDEGATE_STREAM_FOREIGN` or `TIDEGATE_PIPELINE`, with every problem. */
export function checkedPaths(
  pipeline: string,
  stages: readonly Stage[],
  unused: readonly string[],
): readonly Path[] {
  const places = stages.map((stage) => stage[placeOf]);
  const problems = new Problems();
  const paths = places
    .filter(({ kind }) => kind === 'source')
    .map((source) => pathFrom(source, problems));
  const reached = new Set(paths.flat());
  for (const place of places) {
    if (reached.has(place)) continue;
    const [origin] = place.previous;
    if (origin === undefined) problems.add(`${place.title} is connected to nothing before it`);
    else if (!isStage(origin))
      problems.addForeign(foreignStage(`before ${place.title}`, origin), origin);
  }
  for (const title of unused)
    problems.add(`${title} is declared, and build() has not used it before its first await`);
  problems.throwIfAny(pipeline);
  return paths;
}

function pathFrom(source: Place, problems: Problems): Path {
  const path: Place[] = [source];
  for (let place = source; place.kind !== 'sink';) {
    const next = nextOf(place, source, path.length, problems);
    if (next === undefined) break;
    path.push(next);
    place = next;
  }
  return path;
}

function nextOf(
  place: Place,
  source: Place,
  length: number,
  problems: Problems,
): Place | undefined {
  const [next, ...others] = place.next;
  const where = `stream ${length + 1} of the chain of ${source.title}, behind ${place.title},`;
  if (next === undefined) {
    problems.addForeign(invisibleStage(place.title));
    return undefined;
  }
  if (others.length > 0) {
    problems.add(`${place.title} goes to ${others.length + 1} streams: ${useAPipeline}`);
    return undefined;
  }
  if (!isStage(next)) {
    problems.addForeign(foreignStage(where, next), next);
    return undefined;
  }
  const found = next[placeOf];
  if (!isOf(place.state, found)) {
    problems.addForeign(`${where} is ${found.title} of another build: make it in this one`);
    return undefined;
  }
  if (found.previous.length > 1) {
    problems.add(`${found.title} is fed by ${found.previous.length} streams: ${useAPipeline}`);
    return undefined;
  }
  return found;
}

const useAPipeline =
  'a chain of Node streams neither splits nor joins, use a Pipeline where records do';

function isOf(state: ChainState, place: Place): boolean {
  return place.state === state;
}

class Problems {
  readonly #texts = new Set<string>();
  readonly #known = new Set<unknown>();
  #hasForeign = false;

  add(text: string): void {
    this.#texts.add(text);
  }

  /** A stream is met from both of its ends, and named once. */
  addForeign(text: string, stream?: unknown): void {
    this.#hasForeign = true;
    if (stream !== undefined && this.#known.has(stream)) return;
    this.#known.add(stream);
    this.add(text);
  }

  throwIfAny(pipeline: string): void {
    if (this.#texts.size === 0) return;
    const list = [...this.#texts].map((text) => `- ${text}`).join('\n');
    throw new TidegateError(
      this.#hasForeign ? 'TIDEGATE_STREAM_FOREIGN' : 'TIDEGATE_PIPELINE',
      `the streams of ${pipeline} cannot be run:\n${list}`,
    );
  }
}
