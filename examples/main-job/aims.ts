// At which durable actions the job is still to be killed, and which one is next.

import type { Aim, Point } from './messages.js';

export interface AimsOptions {
  readonly random: () => number;
  /** What an undisturbed run came by, in order: those of a fresh start come up only once. */
  readonly points: readonly Point[];
  /** Kinds of points that come first. */
  readonly isWanted: (kind: string) => boolean;
}

export interface AimCounts {
  /** Kinds of points: step, before or after, and what is done, whatever it is done to. */
  readonly kinds: ReadonlySet<string>;
  readonly kindsHit: ReadonlySet<string>;
  readonly pointsKnown: number;
  readonly pointsHit: number;
  /** Points that did not come up again in the lives that aimed at them. */
  readonly pointsRare: readonly string[];
  /** Points for which there was no time. */
  readonly pointsLeft: readonly string[];
}

/** The commit of each sink, as its actions are announced. */
const commitPoints = [
  'database: commit what is prepared',
  'sink: rename prepared_N.json to checkpoint_N.json',
];

/** A point that so many lives aimed at in vain is rare: most come up again only by luck. */
const maxTries = 2;

export class Aims {
  readonly #options: AimsOptions;
  readonly #points = new Map<string, Point>();
  readonly #comesAgain = new Set<string>();
  readonly #hit = new Set<string>();
  readonly #kindsHit = new Set<string>();
  readonly #tries = new Map<string, number>();

  constructor(options: AimsOptions) {
    this.#options = options;
    for (const point of options.points) this.#points.set(keyOf(point), point);
  }

  /** The job came by this point; most of a fresh start's are never seen again. */
  know(point: Point, { isFresh }: { readonly isFresh: boolean }): void {
    this.#points.set(keyOf(point), point);
    if (!isFresh) this.#comesAgain.add(keyOf(point));
  }

  hit(point: Point): void {
    this.#hit.add(keyOf(point));
    this.#kindsHit.add(kindOf(point));
  }

  /**
   * A point at which nothing was killed yet: of a wanted kind, or else of a new kind in the step that
   * has shown the least. On a fresh start those of the recovery come first, one of each kind.
   */
  next({ isFresh }: { readonly isFresh: boolean }): Point | undefined {
    const open = [...this.#points.values()].filter((point) => {
      const key = keyOf(point);
      return !this.#hit.has(key) && (isFresh || !this.#isRare(key));
    });
    const isNew = (point: Point): boolean => !this.#kindsHit.has(kindOf(point));
    const once = open.find((point) => point.step === 'recovery' && isNew(point));
    if (isFresh && once !== undefined) return once;
    const wanted = open.find((point) => isNew(point) && this.#options.isWanted(kindOf(point)));
    if (wanted !== undefined) return wanted;
    const shares = this.#sharesHit();
    const shareOf = ({ step }: Point): number => shares.get(step) ?? 0;
    const ordered = open.sort((left, right) => shareOf(left) - shareOf(right));
    return ordered.find(isNew) ?? ordered[0];
  }

  /**
   * One more try. In step 6 one sink's commit waits until the other has made its own: the only way to
   * a recovery that has to roll forward.
   */
  take(point: Point): Aim {
    const key = keyOf(point);
    this.#tries.set(key, (this.#tries.get(key) ?? 0) + 1);
    const [other] = commitPoints.filter((action) => action !== point.action);
    const isCommit = point.when === 'before' && commitPoints.includes(point.action);
    if (isCommit && point.step === 'step 6' && other !== undefined) {
      return { point, skip: 0, until: other };
    }
    return { point, skip: point.step === 'recovery' ? 0 : Math.floor(this.#options.random() * 2) };
  }

  counts(): AimCounts {
    const missed = [...this.#points.keys()].filter((key) => !this.#hit.has(key));
    return {
      kinds: new Set([...this.#points.values()].map(kindOf)),
      kindsHit: this.#kindsHit,
      pointsKnown: this.#points.size,
      pointsHit: this.#hit.size,
      pointsRare: missed.filter((key) => this.#isRare(key)),
      pointsLeft: missed.filter((key) => !this.#isRare(key)),
    };
  }

  #isRare(key: string): boolean {
    if ((this.#tries.get(key) ?? 0) >= maxTries) return true;
    return this.#points.get(key)?.step === 'recovery' && !this.#comesAgain.has(key);
  }

  /** Which part of its kinds of points was hit, by step. */
  #sharesHit(): ReadonlyMap<string, number> {
    const kinds = new Map<string, Set<string>>();
    for (const point of this.#points.values()) {
      const known = kinds.get(point.step) ?? new Set();
      kinds.set(point.step, known.add(kindOf(point)));
    }
    return new Map(
      [...kinds].map(([step, all]) => {
        const hit = [...all].filter((kind) => this.#kindsHit.has(kind));
        return [step, hit.length / all.size];
      }),
    );
  }
}

function keyOf({ step, action, when }: Point): string {
  return `${step}, ${when} ${action}`;
}

/** Each action of the database is of its own kind; of files, what is done to them. */
function kindOf({ step, action, when }: Point): string {
  const [who = '', verb = ''] = action.split(' ');
  return `${step}, ${when} ${who === 'database:' ? action : `${who} ${verb}`}`;
}
