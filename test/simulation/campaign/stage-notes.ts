// What whoever deploys the orders pipeline remembers from one process to the next.

import type { Durability } from '../../../src/contracts/sink.js';
import type { OrdersJob } from './order-loops.js';
import type { World } from '../../../src/testing/simulation/world.js';

/** How far the first version had come when the second one began. */
export interface ChangePoint {
  readonly orders: number;
  /** Number of the newest record in the totals. */
  readonly newest: number;
}

/** A view of the notes: an older process that goes on later never takes a note back. */
export class StageNotes {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** The checkpoint that is to be restored. */
  get marked(): number | undefined {
    return this.#world.notes.get('marked') as number | undefined;
  }

  /** How many records each sink held when the restore was done. */
  get restored(): ReadonlyMap<string, number> | undefined {
    return this.#world.notes.get('restored') as ReadonlyMap<string, number> | undefined;
  }

  get changed(): ChangePoint | undefined {
    return this.#world.notes.get('changed') as ChangePoint | undefined;
  }

  /**
   * The stage of this process. A crash is the occasion to go on to the last one at once, if there is
   * a checkpoint to be restored already, or unless the new version was refused.
   */
  stageOf(last: number, isRestore: boolean): number {
    const { life, notes } = this.#world;
    if (notes.get('goes back') === true) return 1;
    const reached = Number(notes.get('stage') ?? 1);
    const isAfterCrash = life > 1 && notes.get('handed over to') !== life;
    const mayHurry = isAfterCrash && (!isRestore || this.marked !== undefined);
    return mayHurry ? last : reached;
  }

  reach(stage: number): void {
    const { notes } = this.#world;
    notes.set('stage', Math.max(stage, Number(notes.get('stage') ?? 1)));
    notes.set('handed over to', this.#world.life + 1);
    notes.delete('goes back');
  }

  /** The old version has to settle what is in doubt. */
  goBack(): void {
    this.#world.notes.set('goes back', true);
  }

  mark(id: number): void {
    if (this.marked === undefined) this.#world.notes.set('marked', id);
  }

  /** The last stage owns the store, for the first time perhaps, and is going to recover. */
  enterService(): void {
    this.#world.notes.set('in service', true);
  }

  /** Whether the last stage is in service elsewhere while this process, of an earlier one, stood still. */
  get isOver(): boolean {
    const { notes } = this.#world;
    return notes.get('in service') === true && notes.get('goes back') !== true;
  }

  /** The last stage has been started: recovery is through, and no record has been processed yet. */
  begun({ parts }: OrdersJob, sinks: readonly (readonly [string, Durability])[]): void {
    const { notes } = this.#world;
    // It has found nothing that only the old version could settle.
    notes.delete('goes back');
    const seen = sinks.map(([name]) => [name, this.#world.visible(name).length] as const);
    if (!notes.has('restored')) notes.set('restored', new Map(seen));
    const changed: ChangePoint = { orders: parts.position('orders'), newest: parts.newest() };
    if (!notes.has('changed')) notes.set('changed', changed);
  }
}
